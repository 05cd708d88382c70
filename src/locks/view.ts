import type { Etcd, Outcome } from './etcd.ts';
import {
  decodeParty,
  encodeRecord,
  keysOf,
  timestamp,
  type LockRecord,
  type LockRef,
  type Party,
  type Place,
} from './record.ts';
import { createdAt, look, put, remove, unchangedSince } from './requests.ts';

/** Who holds a lock and who waits for it, in order of arrival, at one revision. */
export interface View {
  revision: string;
  holders: Party[];
  waiters: Party[];
}

/** What an untouched lock looks like: the first guess, which the transaction proves right or wrong. */
export const untouched: View = { revision: '0', holders: [], waiters: [] };

const viewOf = ({ revision, found: [holders = [], waiters = []] }: Outcome): View => ({
  revision,
  holders: holders.map(decodeParty),
  waiters: waiters.map(decodeParty),
});

const readsOf = (lock: LockRef) => [look(keysOf(lock).holders), look(keysOf(lock).waiters)];

/** Reads a lock. */
export const readLock = async (etcd: Etcd, lock: LockRef): Promise<View> =>
  viewOf(await etcd.transact([], readsOf(lock)));

const isOwn = (key: string, lease: string) => (party: Party) => party.key === key && party.lease === lease;

/**
 * Makes a holder of whom `view` admits, unless somebody came in since: then nothing is written and the newer view told.
 * @param given the newcomer's own place in the queue, which it gives up; a lease it has already
 */
export async function enter(
  etcd: Etcd,
  lock: LockRef,
  record: LockRecord,
  view: View,
  given: { ticket?: Party | undefined; lease?: string | undefined } = {},
): Promise<Party | View> {
  const { ticket } = given;
  const { holders, holder, waiters } = keysOf(lock);
  const entering = { ...record, created: timestamp() };
  const lease = given.lease ?? (await etcd.grant(record.ttl));
  const outcome = await etcd.transact(
    [
      unchangedSince(holders, view.revision),
      ticket ? createdAt(ticket.key, ticket.revision) : unchangedSince(waiters, view.revision),
    ],
    [put(holder, encodeRecord(entering), lease), ...(ticket ? [remove(ticket.key)] : [])],
    readsOf(lock),
  );
  const newer = viewOf(outcome);
  // Asked again because the answer was lost, a transaction finds what it has done.
  const done = outcome.succeeded
    ? { ...entering, key: holder, lease, revision: outcome.revision }
    : newer.holders.find(isOwn(holder, lease));
  if (done && ticket) await etcd.revoke(ticket.lease).catch(() => false); // ends by itself otherwise
  if (done) return done;
  if (given.lease === undefined) await etcd.revoke(lease);
  return newer;
}

/** Takes a place in the queue, which is kept for `placeTtl` seconds after the last {@link Etcd.renew} of its lease. */
export async function queueUp(
  etcd: Etcd,
  lock: LockRef,
  record: LockRecord,
  placeTtl: number,
  place: Place,
): Promise<View> {
  const { waiter } = keysOf(lock);
  const lease = await etcd.grant(placeTtl);
  const waiting = { ...record, created: timestamp() };
  const outcome = await etcd.transact(
    [createdAt(waiter, '0')],
    [put(waiter, encodeRecord(waiting, place), lease), ...readsOf(lock)],
    readsOf(lock),
  );
  const view = viewOf(outcome);
  if (!view.waiters.some(isOwn(waiter, lease))) await etcd.revoke(lease);
  return view;
}
