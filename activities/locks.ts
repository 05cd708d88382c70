import { log } from '@temporalio/activity';
import { admit } from '../src/locks/admission.ts';
import { acquireAll } from '../src/locks/acquire-all.ts';
import { unavailable } from '../src/locks/acquire.ts';
import { breakLock, type BrokenHolder } from '../src/locks/break.ts';
import { keep } from '../src/locks/keep.ts';
import { locksOff } from '../src/locks/off.ts';
import { describe, holderId, type LockRef, type Party } from '../src/locks/record.ts';
import { abandon, release } from '../src/locks/release.ts';
import { readLock, type View } from '../src/locks/view.ts';
import { OpsError, messageOf } from '../src/model/errors.ts';
import { holderKeys, type Fence } from '../src/model/fence.ts';
import { checkLock, lockKey, unpackNames } from '../src/model/lock-name.ts';
import { converge, long, read } from './define.ts';
import { waitingFor } from './lock-wait.ts';
import { packed, recordOf, refsOf, type LockHeld, type LockInput } from './lock-input.ts';

export type { LockHeld, LockInput } from './lock-input.ts';

/** Takes the lock for the run, or finds that the run has it. Waits for its turn, first come, first served. */
const acquireLock = converge(async (input: LockInput, call): Promise<LockHeld> => {
  const locks = refsOf(input, call);
  for (const { name } of locks) checkLock(input.kind, name, input.concurrency, input.ttlSeconds);
  const { etcd } = call.deps;
  if (!etcd || call.context.noLocks) return { key: '', leaseId: '', revision: '' };
  const [record, key] = [recordOf(input, call), lockKey(input.kind, packed(input))];
  log.debug(`Acquiring lock for key ${packed(input)}: ${describe(record)}`);
  const { first, number } = await acquireAll(
    etcd,
    locks,
    record,
    waitingFor(call, input.waitSeconds ?? etcd.waitSeconds, input),
  );
  log.info(`Acquired lock for key ${key}: ${describe(first)}`);
  return { key: first.key, leaseId: first.lease, revision: number };
});

/** A lock that is held, and for how long without a renewal. */
interface KeepInput {
  key: string;
  leaseId: string;
  ttlSeconds: number;
  /** Of locks that were taken together, packed. */
  fence?: Fence;
}

/** Keeps the lock until it is released, or the run cancels this; fails with LockLost when it is lost. A new attempt renews the same lease. */
const keepLock = long(async ({ key, leaseId, ttlSeconds, fence }: KeepInput, call): Promise<void> => {
  const { etcd } = call.deps;
  if (leaseId === '') return;
  if (!etcd) throw locksOff(`the lock ${key} is to be kept`);
  const resumed = call.resumed as { renewedAt?: number } | undefined;
  const all = fence ? holderKeys({ ...fence, names: unpackNames(fence.names) }) : [key];
  const kept = {
    key,
    ...(all.length > 1 && { others: all.filter((one) => one !== key) }),
    lease: leaseId,
    ttl: Math.ceil(ttlSeconds),
    // Nobody knows how long ago it was taken.
    renewedAt: resumed?.renewedAt ?? -1000 * Math.ceil(ttlSeconds),
    now: () => call.elapsedMs(),
  };
  try {
    await keep(etcd, kept, call.signal, (renewedAt) => call.heartbeat({ renewedAt }));
  } catch (error) {
    if (error === call.signal.reason && messageOf(error) === 'CANCELLED') return;
    throw error;
  }
});

/** Gives the run's lock back, and never another's. Without a lease, whatever the run left of it is removed. */
const releaseLock = converge(
  async (
    input: Pick<LockInput, 'kind' | 'name' | 'others' | 'slot'> & { leaseId?: string },
    call,
  ): Promise<{ released: boolean }> => {
    const { etcd } = call.deps;
    if (input.leaseId === '') return { released: false };
    const [lock, ...others] = refsOf(input, call) as [LockRef, ...LockRef[]];
    const key = lockKey(input.kind, packed(input));
    if (!etcd) {
      if (input.leaseId === undefined) return { released: false };
      throw locksOff(`the lock ${key} is to be released`);
    }
    if (input.leaseId === undefined) {
      const held: Party[] = [];
      for (const one of [lock, ...others]) {
        const left = await abandon(etcd, one);
        if (left) held.push(left);
      }
      if (held[0]) log.info(`Released lock for key ${key}: ${describe(held[0])}`);
      return { released: held.length > 0 };
    }
    const released = await release(etcd, lock, input.leaseId, others);
    const id = holderId(lock);
    if (released) log.info(`Released lock for key ${key}: ${id}`);
    else if (call.attempt === 1)
      log.warn(`Lock for key ${key} and ID ${id} not found. Unable to release it. It expired, or somebody removed it.`);
    return { released };
  },
);

/** Takes a lock away from a holder, whose run learns by whom and why. @throws LOCK_GONE when it holds it no longer, LOCKS_OFF */
const breakIt = converge(
  async ({ reason, ...holder }: BrokenHolder & { reason: string }, { deps: { etcd }, context, run }): Promise<void> => {
    if (!etcd) throw locksOff(`the lock ${holder.key} is to be broken`);
    if (!(await breakLock(etcd, holder, `${context.user}@${context.host} [${run}]: ${reason}`)))
      throw new OpsError('failed', 'LOCK_GONE', `${holder.key} is no longer held by who held it: see 'cookbook locks'`);
    log.warn(`Broke lock ${holder.key}: ${reason}`);
  },
);

/** Which locks are looked at. */
interface HoldersInput extends Pick<LockInput, 'kind' | 'name' | 'others'> {
  concurrency?: number;
}

/** Who holds a lock now, who waits for it, and why somebody who asks for `concurrency` of all of them would have to wait. */
const holders = read(async ({ concurrency = 1, ...input }: HoldersInput, call) => {
  const { etcd } = call.deps;
  const views: (View & { blocked: string | undefined })[] = [];
  for (const lock of refsOf(input, call)) {
    checkLock(lock.kind, lock.name, concurrency, 1);
    if (!etcd) continue;
    const view = await readLock(etcd, lock);
    const others = view.waiters.filter(({ run }) => run !== call.run);
    const record = recordOf({ concurrency, ttlSeconds: 1 }, call);
    const blocked = admit(view.holders, others.length, record).enter
      ? undefined
      : unavailable(lock, record, view.holders, others);
    views.push({ ...view, blocked });
    if (blocked !== undefined) break;
  }
  const { holders = [], waiters = [], blocked } = views.at(-1) ?? {};
  return { holders, waiters, blocked };
});

export const locks = {
  'locks.acquire': acquireLock,
  'locks.keep': keepLock,
  'locks.release': releaseLock,
  'locks.holders': holders,
  'locks.break': breakIt,
};
