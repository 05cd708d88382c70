import type { ListedLock, ListedParty } from '../locks/list.ts';
import { noLease } from '../locks/record.ts';
import { formatMs } from '../model/duration.ts';
import { tableLines } from './table.ts';

/** Everybody who holds a lock or waits for one. */
export const partiesIn = (locks: readonly ListedLock[]): ListedParty[] =>
  locks.flatMap(({ holders, waiters }) => [...holders, ...waiters]);

/** By the clocks of who took it and of this machine. */
const ageMs = ({ created }: ListedParty): number => Math.max(0, Date.now() - Date.parse(created));

/** A lock in a line for each holder, then one for each who waits, in order of arrival. */
export function locksTable(locks: readonly ListedLock[]): string[] {
  const line = (key: string, state: string, party: ListedParty) => [
    ...[key, state, party.owner],
    ...(Number.isNaN(ageMs(party)) ? ['-'] : [formatMs(ageMs(party))]),
    party.ttlLeft === undefined ? 'for ever' : formatMs(party.ttlLeft * 1000),
    party.concurrency === 0 ? 'unlimited' : String(party.concurrency),
  ];
  const rows = locks.flatMap(({ key, holders, waiters }) => [
    ...holders.map((party) => line(key, 'holds', party)),
    ...waiters.map((party, place) => line(key, `waits ${place + 1}`, party)),
  ]);
  return tableLines(['LOCK', 'STATE', 'OWNER [RUN]', 'FOR', 'TTL LEFT', 'AT A TIME'], rows);
}

/** The same for programs: times in seconds, `ttl_left` null for a key that stays until it is removed. */
export function locksJson(locks: readonly ListedLock[]) {
  const numbers = new Map<string, bigint>();
  for (const { lease, revision } of locks.flatMap(({ holders }) => holders)) {
    const number = numbers.get(lease) ?? 0n;
    if (BigInt(revision) > number) numbers.set(lease, BigInt(revision));
  }
  // Locks under one lease were taken together, and have one number.
  const fencingNumber = ({ lease, revision }: ListedParty) =>
    lease === noLease ? revision : String(numbers.get(lease) ?? revision);
  return {
    locks: locks.map(({ key, holders, waiters }) => ({
      key,
      holders: holders.map((holder) => ({ ...partyJson(holder), fencing_number: fencingNumber(holder) })),
      waiters: waiters.map(partyJson),
    })),
  };
}

const partyJson = (party: ListedParty) => ({
  key: party.key,
  run: party.run,
  owner: party.owner,
  concurrency: party.concurrency,
  created: party.created,
  age: Math.round(ageMs(party) / 1000),
  ttl: party.ttl,
  ttl_left: party.ttlLeft ?? null,
  lease: party.lease,
  revision: party.revision,
});
