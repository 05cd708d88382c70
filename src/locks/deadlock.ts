import { admit } from './admission.ts';
import type { Etcd } from './etcd.ts';
import { decodeParty, lockOf, waiting, type Party } from './record.ts';
import { createdAt, look } from './requests.ts';

/** A lock that somebody waits for. */
export interface Contended {
  /** `/spicerack/locks/KIND/NAME[:SUFFIX]`. */
  key: string;
  holders: readonly Party[];
  /** In order of arrival. */
  waiters: readonly Party[];
}

/** etcd takes 128 operations a transaction. */
const atATime = 100;
const mostCompares = 125;

/** Everybody may move on while it is read. */
const looks = 3;

/** Those who wait for each other. */
export interface Circle {
  /** The shortest way from one to itself: each waits for what the next one holds or waits for before it. */
  way: Party[];
  everybody: Party[];
}

/**
 * Finds out whether somebody in a queue waits for itself, by way of others that wait for what it holds.
 * @param own its key in the queue
 * @returns those who wait for each other, `own` first; nothing when there is hope, or somebody else gives up
 */
export async function deadlockOf(etcd: Etcd, own: string): Promise<Party[] | undefined> {
  for (let look = 0; look < looks; look++) {
    const locks = await contendedAround(etcd, own);
    const found = circleOf(own, locks);
    if (!found) return undefined;
    const { way, everybody } = found;
    const holds = (party: Party) => everybody.some((one) => pins(one, party));
    const parties = [...everybody, ...locks.flatMap(({ holders }) => holders.filter(holds))];
    if (parties.length > mostCompares) return undefined;
    // All of it was read at different moments.
    const still = parties.map(({ key, revision }) => createdAt(key, revision));
    if ((await etcd.transact(still, [])).succeeded) return way;
  }
  return undefined;
}

/** The lock `own` waits for, and those that anybody waits for who stands in its way. */
async function contendedAround(etcd: Etcd, own: string): Promise<Contended[]> {
  const { found } = await etcd.transact([], [look(waiting)]);
  const waiters = (found[0] ?? []).map(decodeParty);
  const locks: Contended[] = [];
  for (let next = [lockOf(own)]; next.length > 0;) {
    const batch = next.slice(0, atATime);
    const { found: holders } = await etcd.transact(
      [],
      batch.map((key) => look(`${key}/`)),
    );
    for (const [i, key] of batch.entries())
      locks.push({
        key,
        holders: (holders[i] ?? []).map(decodeParty),
        waiters: waiters.filter((party) => lockOf(party.key) === key),
      });
    const inTheWay = waiters.filter((party) =>
      locks.some((lock) => lock.holders.some((holder) => pins(party, holder))),
    );
    const known = new Set(locks.map(({ key }) => key));
    next = [...new Set(inTheWay.map(({ key }) => lockOf(key)))].filter((key) => !known.has(key));
  }
  return locks;
}

/** Whether what one holds cannot end before another's wait does. */
const pins = ({ under = [] }: Party, { key, lease }: Party): boolean => under.includes(key) || under.includes(lease);

/** As {@link deadlockOf}, of locks as they were read. */
export function circleOf(own: string, locks: readonly Contended[]): Circle | undefined {
  const stuck = stuckIn(locks);
  const me = stuck.find(({ key }) => key === own);
  if (!me) return undefined;
  const lockFor = (party: Party) => locks.find(({ key }) => key === lockOf(party.key));
  const inTheWayOf = (party: Party): Party[] =>
    stuck.filter(
      (one) =>
        lockFor(party)?.holders.some((holder) => pins(one, holder)) === true ||
        (lockOf(one.key) === lockOf(party.key) && isOlder(one, party)),
    );
  const there = pathsFrom(me, inTheWayOf);
  const everybody = [...there.keys()];
  // Who waits behind another circle may get on once that is broken.
  if (!everybody.every((one) => pathsFrom(one, inTheWayOf).has(me))) return undefined;
  const way = there.get(me);
  return way && givesWay(everybody) === me ? { way, everybody } : undefined;
}

/** The last that came, of those who keep something and, if there are any, do not undo. */
function givesWay(circle: readonly Party[]): Party | undefined {
  const keeping = circle.filter(({ under = [] }) => under.length > 0);
  const forward = keeping.filter(({ undo }) => !undo);
  const candidates = forward.length > 0 ? forward : keeping;
  return candidates.find((one) => !candidates.some((other) => isOlder(one, other)));
}

/** Who waits for what will not come: their lock would not admit them even if everybody left who still can. */
function stuckIn(locks: readonly Contended[]): Party[] {
  const stuck = new Set(locks.flatMap(({ waiters }) => waiters));
  const goesOn = (party: Party, { holders, waiters }: Contended): boolean => {
    const staying = holders.filter((holder) => [...stuck].some((one) => pins(one, holder)));
    const ahead = waiters.filter((one) => stuck.has(one) && isOlder(one, party));
    return admit(staying, ahead.length, party).enter;
  };
  for (let before = -1; before !== stuck.size;) {
    before = stuck.size;
    for (const lock of locks) for (const party of lock.waiters) if (goesOn(party, lock)) stuck.delete(party);
  }
  return [...stuck];
}

const isOlder = (one: Party, other: Party): boolean => BigInt(one.revision) < BigInt(other.revision);

/** Whom one reaches, itself only by a way around, and by the shortest way: who is passed before. */
function pathsFrom(start: Party, next: (party: Party) => readonly Party[]): Map<Party, Party[]> {
  const paths = new Map<Party, Party[]>();
  const open: [Party, Party[]][] = [[start, []]];
  for (const [party, path] of open)
    for (const one of next(party)) {
      if (paths.has(one)) continue;
      paths.set(one, [...path, party]);
      open.push([one, [...path, party]]);
    }
  return paths;
}

/** Why nobody of them will get on, and what to do about it. */
export function deadlockText(circle: readonly Party[]): string {
  const waits = circle.map(({ created, owner, key }) => `    ${created}: ${owner} waits for ${lockOf(key)}`);
  return `These would wait for each other for ever, so who came last gives up:\n${waits.join('\n')}\nLocks that are needed at the same time are taken together: lock(['a', 'b'], ...).`;
}
