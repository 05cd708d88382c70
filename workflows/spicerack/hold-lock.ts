import { CancellationScope, log } from '@temporalio/workflow';
import type { LockHeld, LockInput } from '../../activities/locks.ts';
import { packFence, type Fence } from '../../src/model/fence.ts';
import { checkLock, lockKey, packNames, type LockKind } from '../../src/model/lock-name.ts';
import { call, type CallOptions } from '../engine/call.ts';
import { failureCode, failureText } from '../engine/failure.ts';
import { frames, type Frame } from '../engine/frame.ts';
import { currentRun } from '../engine/run-state.ts';

/** The activity itself ends the wait. */
const longestWait = '365d';
/** What may not be held at all, or is lost, holds nobody up for as long as an etcd that does not answer. */
const lastAttempts = 3;

/** On which terms a lock is taken. */
export interface HoldArgs {
  /** Holders at a time; 0 is unlimited, but recorded. */
  concurrency: number;
  /** Lease of the lock, renewed while the run lives. */
  ttlSeconds: number;
}

/** A lock the run holds. */
export interface HeldLock {
  /** Key of the holder in etcd; empty when locking is off. */
  readonly key: string;
  /** What every effect under it carries along; absent when locking is off. */
  readonly fence: Fence | undefined;
  /** Rejects with LockLost once the lock is lost; never settles otherwise. */
  readonly lost: Promise<never>;
  /** Gives the lock back; best effort, as its lease ends without it. @param isLost whether it was lost before */
  release(isLost: boolean): Promise<void>;
  /** Ends the renewal and leaves the lock: the run that continues this one as new takes it up again. */
  stopKeeping(): Promise<void>;
}

/**
 * Waits for a lock and keeps it beside whatever the run does next, also while the run is cancelled and undone.
 * @param names of locks taken together, in their order; `:SUFFIX` included
 * @param queue what the run keeps meanwhile, and whether it waits for an undo
 * @throws InvalidLock, LOCK_UNAVAILABLE after about half an hour, LOCK_DEADLOCK, ETCD_UNAVAILABLE
 */
export async function holdLock(
  kind: LockKind,
  names: readonly string[],
  { concurrency, ttlSeconds }: HoldArgs,
  queue: Pick<LockInput, 'under' | 'undo'> = {},
): Promise<HeldLock> {
  for (const name of names) checkLock(kind, name, concurrency, ttlSeconds);
  const slot = takeSlot(names.map((name) => lockKey(kind, name)));
  const [name = '', ...rest] = names;
  const label = packNames(names).join(', ').slice(0, 100);
  const lock: LockId = { kind, name, ...(rest.length > 0 && { others: packNames(rest) }), slot: slot.number };
  let held: LockHeld;
  try {
    const options = { timeout: longestWait, summary: `take the lock ${label}` };
    held = await activity(`lock ${label}`, 'engine', () =>
      call('locks.acquire', { ...lock, concurrency, ttlSeconds, ...queue }, options),
    );
  } catch (error) {
    // An attempt may have got it after all, or some of several.
    await letGo(lock, label, undefined, { attempts: lastAttempts });
    slot.free();
    throw error;
  }
  const fence = held.key === '' ? undefined : fenceOf(kind, names, held, concurrency);
  const keeping = fence && keep(label, held, ttlSeconds, fence);
  return {
    key: held.key,
    fence,
    lost: keeping?.lost ?? new Promise<never>(() => undefined),
    async stopKeeping() {
      await keeping?.stop();
      slot.free();
    },
    async release(isLost) {
      keeping?.expectEnd();
      // Who keeps it finds that it was released, and ends.
      const options = isLost ? { attempts: lastAttempts } : {};
      if (keeping && !(await letGo(lock, label, held.leaseId, options))) await keeping.stop();
      slot.free();
    },
  };
}

interface Keeping {
  lost: Promise<never>;
  /** From now on its end is no loss. */
  expectEnd(): void;
  stop(): Promise<void>;
}

function keep(label: string, { key, leaseId }: LockHeld, ttlSeconds: number, fence: Fence): Keeping {
  const together = fence.names.length > 1 ? { fence: packFence(fence) } : {};
  // Shielded from the cancellation of the run, whose undo needs the lock.
  const shield = new CancellationScope({ cancellable: false });
  let scope: CancellationScope | undefined;
  let expected = false;
  const kept = shield.run(() => {
    scope = new CancellationScope();
    return scope.run(() =>
      activity(`keep the lock ${label}`, 'engine', () =>
        call('locks.keep', { key, leaseId, ttlSeconds, ...together }, { leavesBehind: true }),
      ),
    );
  });
  const watch = async (): Promise<never> => {
    try {
      await kept;
    } catch (error) {
      if (!expected) throw error;
    }
    return new Promise<never>(() => undefined);
  };
  const lost = watch();
  lost.catch(() => undefined);
  return {
    lost,
    expectEnd: () => void (expected = true),
    async stop() {
      expected = true;
      scope?.cancel();
      await kept.catch(() => undefined);
    },
  };
}

interface LockId {
  kind: LockKind;
  name: string;
  others?: readonly string[];
  slot: number;
}

const fenceOf = (kind: LockKind, names: readonly string[], held: LockHeld, concurrency: number): Fence => ({
  kind,
  names,
  holder: held.key.slice(held.key.lastIndexOf('/') + 1),
  lease: held.leaseId,
  number: held.revision,
  concurrency,
});

/** @returns whether it was held until now */
async function letGo(
  lock: LockId,
  label: string,
  leaseId: string | undefined,
  options: CallOptions = {},
): Promise<boolean> {
  try {
    const { released } = await CancellationScope.nonCancellable(() =>
      activity(`release the lock ${label}`, 'engine', () =>
        call('locks.release', { ...lock, ...(leaseId !== undefined && { leaseId }) }, options),
      ),
    );
    return released;
  } catch (error) {
    log.error(
      `Failed to release lock for key ${lockKey(lock.kind, label)}: ${failureText(error)}; it ends with its lease (${failureCode(error) ?? '-'})`,
    );
    return false;
  }
}

/** Calls an activity as the engine's own, under a name of its own. */
export function activity<T>(label: string, kind: Frame['kind'], body: () => Promise<T>, once = false): Promise<T> {
  return frames.run({ id: currentRun().uniqueName(label), label, kind, calls: 0, once }, body);
}

const slots = new Map<string, Set<number>>();

/** Whether another part of this run holds one of the same locks, or waits for it. */
export const isShared = (kind: LockKind, names: readonly string[]): boolean =>
  names.some((name) => (slots.get(lockKey(kind, name))?.size ?? 0) > 1);

/** The lowest number no other holder of this run uses for the same locks, so that a continued run finds its own again. */
function takeSlot(keys: readonly string[]): { number: number; free(): void } {
  const used = keys.map((key) => slots.get(key) ?? new Set<number>());
  let number = 0;
  while (used.some((numbers) => numbers.has(number))) number++;
  for (const [i, key] of keys.entries()) slots.set(key, (used[i] ?? new Set()).add(number));
  return { number, free: () => used.forEach((numbers) => numbers.delete(number)) };
}
