import { setTimeout as sleep } from 'node:timers/promises';
import { OpsError, messageOf } from '../model/errors.ts';
import { admit } from './admission.ts';
import { deadlockOf, deadlockText } from './deadlock.ts';
import type { Etcd } from './etcd.ts';
import { describe, keysOf, listed, noLease, type LockRecord, type LockRef, type Party, type Place } from './record.ts';
import { abandon } from './release.ts';
import { enter, queueUp, readLock, untouched, type View } from './view.ts';

// A place outlives its worker by as long as a new worker needs to notice and go on; a place nobody takes up again holds up the others no longer.
const placeTtlSeconds = 15;
const lookEveryMs = 5000;
// Who closes a circle of those who wait for each other finds it at its first look, and gives up unless it is an undo.
const lookForDeadlockEveryMs = 15_000;

/** How a wait for a lock goes on, and what the waiter wants to be told. */
export interface Waiting {
  /** When to give up, by `performance.now()`: clocks are set while one waits. */
  until: number;
  signal: AbortSignal;
  /** Whether another attempt may have come this far before: look first, instead of expecting a lock nobody touched. */
  again: boolean;
  /** Lease of the locks taken together with this one, or none at all; default one of its own. */
  lease?: string | undefined;
  /** What its place in the queue tells. */
  place?: Place;
  /** Called whenever it looks at who is in the way. */
  blocked(message: string, holders: readonly Party[], ahead: readonly Party[], key: string): void;
}

/**
 * Takes a lock, waiting for its turn: first come, first served. A second call of the same run and slot finds the
 * holder, or the place in the queue, that the first one left.
 * @throws LOCK_UNAVAILABLE when the time is up, LOCK_DEADLOCK when it never would get on and came last of those who wait
 *   for each other, ETCD_UNAVAILABLE, the reason of `signal`. When it gives up or the run is cancelled, nothing is left behind; else the place in the queue waits for another attempt as long as its lease lives.
 */
export async function acquire(etcd: Etcd, lock: LockRef, record: LockRecord, waiting: Waiting): Promise<Party> {
  const { signal } = waiting;
  try {
    const held = await contend({ etcd, lock, record, waiting });
    if (isCancelled(signal)) signal.throwIfAborted();
    return held;
  } catch (error) {
    if (isCancelled(signal)) await abandon(etcd, lock);
    throw error;
  }
}

// Every other reason leaves room for another attempt, which may already be at work with the same keys.
export const isCancelled = ({ aborted, reason }: AbortSignal): boolean => aborted && messageOf(reason) === 'CANCELLED';

interface Contest {
  etcd: Etcd;
  lock: LockRef;
  record: LockRecord;
  waiting: Waiting;
  /** By `performance.now()`. */
  lookedForDeadlockAt?: number;
}

async function contend(contest: Contest): Promise<Party> {
  const { etcd, lock, record, waiting } = contest;
  const { holder, waiter } = keysOf(lock);
  let view = waiting.again ? await readLock(etcd, lock) : untouched;
  let waited = false;
  for (;;) {
    waiting.signal.throwIfAborted();
    const held = view.holders.find(({ key }) => key === holder);
    if (held) {
      const alike = waiting.lease === undefined || held.lease === waiting.lease;
      if (alike && held.lease === noLease) return held;
      const lives = alike && (await etcd.renew(held.lease)) > 0;
      if (lives && etcd.lifeOf(held.lease).leftMs > 0) return held;
      if (!alike || lives) {
        await assertLives(etcd, waiting.lease);
        await etcd.revoke(held.lease); // of an attempt that lost what it had taken before, or was to be revoked
      } else await sleep(200); // its lease is over: etcd is about to delete the key
      view = await readLock(etcd, lock);
      continue;
    }
    const ticket = view.waiters.find(({ key }) => key === waiter);
    // Whoever was away for so long may act for a run that has had the lock since, and given it back.
    if (waited && !ticket)
      throw new OpsError('transient', 'ETCD_UNAVAILABLE', `the place ${waiter} in the queue was lost`);
    waited = ticket !== undefined;
    const ahead = ticket ? view.waiters.slice(0, view.waiters.indexOf(ticket)) : view.waiters;
    if (admit(view.holders, ahead.length, record).enter) {
      const entered = await enter(etcd, lock, record, view, { ticket, lease: waiting.lease });
      if ('key' in entered) return entered;
      view = entered;
    } else if (ticket) view = await waitForChange(contest, view, ticket, ahead);
    else {
      const { place = {}, lease } = waiting;
      const under = [...(place.under ?? []), ...(lease === undefined || lease === noLease ? [] : [lease])];
      const told = { ...place, ...(under.length > 0 && { under }) };
      view = await queueUp(etcd, lock, record, placeTtlSeconds, told);
    }
  }
}

/** One round of waiting: for the end of whoever is next in front, or of a holder. */
async function waitForChange(contest: Contest, view: View, ticket: Party, ahead: Party[]): Promise<View> {
  const { etcd, lock, record, waiting } = contest;
  const message = unavailable(lock, record, view.holders, ahead);
  waiting.blocked(message, view.holders, ahead, keysOf(lock).key);
  const left = waiting.until - performance.now();
  if (left <= 0) {
    await etcd.revoke(ticket.lease);
    throw new OpsError('failed', 'LOCK_UNAVAILABLE', message, { holders: view.holders.map(({ owner }) => owner) });
  }
  await assertLives(etcd, waiting.lease);
  await etcd.renew(ticket.lease); // a place that is gone is missing from the next view
  if (ticket.under) await assertHope(contest, ticket, message);
  const next = ahead.at(-1)?.key ?? keysOf(lock).holders;
  await etcd.changed(next, view.revision, Math.min(left, lookEveryMs), waiting.signal);
  return readLock(etcd, lock);
}

/** @throws LOCK_DEADLOCK when those in front wait, in the end, for what stays held here, and came before */
async function assertHope(contest: Contest, ticket: Party, message: string): Promise<void> {
  const { etcd, lookedForDeadlockAt = -Infinity } = contest;
  if (performance.now() < lookedForDeadlockAt + lookForDeadlockEveryMs) return;
  const circle = await deadlockOf(etcd, ticket.key);
  contest.lookedForDeadlockAt = performance.now();
  if (!circle) return;
  await etcd.revoke(ticket.lease);
  throw new OpsError('failed', 'LOCK_DEADLOCK', `${message}\n${deadlockText(circle)}`, {
    holders: circle.map(({ owner }) => owner),
  });
}

/** @throws ETCD_UNAVAILABLE when the lease of the locks taken so far is over */
async function assertLives(etcd: Etcd, lease: string | undefined): Promise<void> {
  if (lease !== undefined && lease !== noLease && (await etcd.renew(lease)) === 0)
    throw new OpsError('transient', 'ETCD_UNAVAILABLE', 'the locks taken so far were lost while waiting for the next');
}

/** Why a lock cannot be had, in the words of the original (spicerack.md 2.6). */
export function unavailable(
  lock: LockRef,
  record: LockRecord,
  holders: readonly Party[],
  ahead: readonly Party[],
): string {
  const { count, allowed } = admit(holders, ahead.length, record);
  const { allowed: borne } = admit(holders, 0, { concurrency: 0 });
  const asked = `Unable to acquire lock: ${describe(record)} for key ${keysOf(lock).key}.`;
  const already = `There are already ${count} concurrent locks and`;
  // The holders would bear one more, the newcomer does not bear them.
  const why =
    count < borne && count >= allowed
      ? `${asked} ${already} a concurrency of ${record.concurrency} was requested.`
      : `${asked}\n${already} the concurrency allowed is ${Number.isFinite(allowed) ? allowed : 'unlimited'}:`;
  return `${why}\n${listed(holders)}${ahead.length > 0 ? `\nWaiting before it:\n${listed(ahead)}` : ''}`;
}
