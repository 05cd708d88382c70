import { log } from '@temporalio/activity';
import { admit } from '../src/locks/admission.ts';
import { acquire, unavailable } from '../src/locks/acquire.ts';
import { breakLock, type BrokenHolder } from '../src/locks/break.ts';
import { keep } from '../src/locks/keep.ts';
import { describe, keysOf, timestamp, type LockRecord, type LockRef } from '../src/locks/record.ts';
import { abandon, release } from '../src/locks/release.ts';
import { readLock } from '../src/locks/view.ts';
import { OpsError, messageOf } from '../src/model/errors.ts';
import { checkLock, lockKey, type LockKind } from '../src/model/lock-name.ts';
import { converge, long, read, type Call } from './define.ts';

/** Which lock, and on which terms. */
export interface LockInput {
  kind: LockKind;
  /** With `:SUFFIX`. */
  name: string;
  /** Holders at a time; 0 is unlimited, but recorded. */
  concurrency: number;
  ttlSeconds: number;
  /** From 0; tells holders of this run apart that hold the same lock at the same time. */
  slot?: number;
  /** How long to wait for it; default 1755, about half an hour. */
  waitSeconds?: number;
}

/** A lock that is held. Without etcd, or with `--no-locks`, the texts are empty and nothing is held. */
export interface LockHeld {
  /** Key of the holder. */
  key: string;
  /** etcd's lease, 64 bits as text. */
  leaseId: string;
  /** Fencing number: grows with each holder of any lock. */
  revision: string;
}

/** Where the wait for a lock stands, as its heartbeats show it. */
interface WaitDetails {
  waitingFor: string;
  /** So far, in all attempts. */
  waitedMs: number;
  holders: string[];
  waitingBefore: number;
}

/** 27 tries with growing pauses in the original (spicerack.md 2.6). */
const defaultWaitSeconds = 1755;

const refOf = ({ kind, name, slot = 0 }: Pick<LockInput, 'kind' | 'name' | 'slot'>, call: Call): LockRef => ({
  kind,
  name,
  slot,
  run: call.run,
});

const recordOf = (
  { concurrency, ttlSeconds }: Pick<LockInput, 'concurrency' | 'ttlSeconds'>,
  { context, run }: Call,
): LockRecord => ({
  concurrency,
  created: timestamp(),
  owner: `${context.user}@${context.host} [${run}]`,
  ttl: Math.ceil(ttlSeconds),
  run,
});

/** Takes the lock for the run, or finds that the run has it. Waits for its turn, first come, first served. */
const acquireLock = converge(async (input: LockInput, call): Promise<LockHeld> => {
  checkLock(input.kind, input.name, input.concurrency, input.ttlSeconds);
  const { etcd } = call.deps;
  if (!etcd || call.context.noLocks) return { key: '', leaseId: '', revision: '' };
  const [lock, record, key] = [refOf(input, call), recordOf(input, call), lockKey(input.kind, input.name)];
  log.debug(`Acquiring lock for key ${input.name}: ${describe(record)}`);
  const resumed = call.resumed as Partial<WaitDetails> | undefined;
  const began = performance.now() - (resumed?.waitedMs ?? 0);
  let told = resumed?.waitingFor !== undefined;
  const held = await acquire(etcd, lock, record, {
    until: began + (input.waitSeconds ?? defaultWaitSeconds) * 1000,
    signal: call.signal,
    again: call.attempt > 1,
    blocked(message, holders, ahead) {
      if (!told) log.warn(message);
      told = true;
      const details: WaitDetails = {
        waitingFor: key,
        waitedMs: performance.now() - began,
        holders: holders.map(({ created, owner }) => `${created}: ${owner}`),
        waitingBefore: ahead.length,
      };
      call.heartbeat(details);
    },
  });
  log.info(`Acquired lock for key ${key}: ${describe(held)}`);
  return { key: held.key, leaseId: held.lease, revision: held.revision };
});

/** Keeps the lock until it is released, or the run cancels this; fails with LockLost when it is lost. A new attempt renews the same lease. */
const keepLock = long(
  async ({ key, leaseId, ttlSeconds }: { key: string; leaseId: string; ttlSeconds: number }, call): Promise<void> => {
    const { etcd } = call.deps;
    if (!etcd || leaseId === '') return;
    const resumed = call.resumed as { renewedAt?: number } | undefined;
    const kept = {
      key,
      lease: leaseId,
      ttl: Math.ceil(ttlSeconds),
      renewedAt: resumed?.renewedAt ?? 0,
      now: () => call.elapsedMs(),
    };
    try {
      await keep(etcd, kept, call.signal, (renewedAt) => call.heartbeat({ renewedAt }));
    } catch (error) {
      if (error === call.signal.reason && messageOf(error) === 'CANCELLED') return;
      throw error;
    }
  },
);

/** Gives the run's lock back, and never another's. Without a lease, whatever the run left of it is removed. */
const releaseLock = converge(
  async (
    input: Pick<LockInput, 'kind' | 'name' | 'slot'> & { leaseId?: string },
    call,
  ): Promise<{ released: boolean }> => {
    const { etcd } = call.deps;
    if (!etcd || input.leaseId === '') return { released: false };
    const [lock, key] = [refOf(input, call), lockKey(input.kind, input.name)];
    if (input.leaseId === undefined) {
      const held = await abandon(etcd, lock);
      if (held) log.info(`Released lock for key ${key}: ${describe(held)}`);
      return { released: held !== undefined };
    }
    const released = await release(etcd, lock, input.leaseId);
    const id = keysOf(lock).holder.slice(key.length + 1);
    if (released) log.info(`Released lock for key ${key}: ${id}`);
    else if (call.attempt === 1)
      log.warn(`Lock for key ${key} and ID ${id} not found. Unable to release it. It expired, or somebody removed it.`);
    return { released };
  },
);

/** Takes a lock away from a holder, whose run learns by whom and why. @throws LOCK_GONE when it holds it no longer, LOCKS_OFF */
const breakIt = converge(
  async ({ reason, ...holder }: BrokenHolder & { reason: string }, { deps: { etcd }, context, run }): Promise<void> => {
    if (!etcd)
      throw new OpsError('failed', 'LOCKS_OFF', "locking is off on this worker: its configuration has no 'etcd'");
    if (!(await breakLock(etcd, holder, `${context.user}@${context.host} [${run}]: ${reason}`)))
      throw new OpsError('failed', 'LOCK_GONE', `${holder.key} is no longer held by who held it: see 'cookbook locks'`);
    log.warn(`Broke lock ${holder.key}: ${reason}`);
  },
);

/** Who holds a lock now, who waits for it, and why somebody who asks for `concurrency` would have to wait. */
const holders = read(
  async ({ kind, name, concurrency = 1 }: { kind: LockKind; name: string; concurrency?: number }, call) => {
    checkLock(kind, name, concurrency, 1);
    const { etcd } = call.deps;
    if (!etcd) return { holders: [], waiters: [], blocked: undefined };
    const lock = refOf({ kind, name }, call);
    const view = await readLock(etcd, lock);
    const others = view.waiters.filter(({ run }) => run !== call.run);
    const record = recordOf({ concurrency, ttlSeconds: 1 }, call);
    const blocked = admit(view.holders, others.length, record).enter
      ? undefined
      : unavailable(lock, record, view.holders, others);
    return { holders: view.holders, waiters: view.waiters, blocked };
  },
);

export const locks = {
  'locks.acquire': acquireLock,
  'locks.keep': keepLock,
  'locks.release': releaseLock,
  'locks.holders': holders,
  'locks.break': breakIt,
};
