import { CancellationScope, log } from '@temporalio/workflow';
import type { LockHeld } from '../../activities/locks.ts';
import type { Fence } from '../../src/model/fence.ts';
import { checkLock, lockKey, type LockKind } from '../../src/model/lock-name.ts';
import { call } from '../engine/call.ts';
import { failureCode, failureText } from '../engine/failure.ts';
import { frames, type Frame } from '../engine/frame.ts';
import { currentRun } from '../engine/run-state.ts';

/** About half an hour, as the original's 27 tries. */
const waitSeconds = 1755;
/** How taking a lock fails without having taken it. */
const leavesNothing = ['LOCK_UNAVAILABLE', 'ETCD_UNAVAILABLE', 'ETCD_REFUSED', 'InvalidLock'];

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
  /** Gives the lock back; best effort, as its lease ends without it. */
  release(): Promise<void>;
  /** Ends the renewal and leaves the lock: the run that continues this one as new takes it up again. */
  stopKeeping(): Promise<void>;
}

/**
 * Waits for a lock and keeps it beside whatever the run does next, also while the run is cancelled and undone.
 * @param name `:SUFFIX` included
 * @throws InvalidLock, LOCK_UNAVAILABLE after about half an hour, ETCD_UNAVAILABLE
 */
export async function holdLock(kind: LockKind, name: string, { concurrency, ttlSeconds }: HoldArgs): Promise<HeldLock> {
  checkLock(kind, name, concurrency, ttlSeconds);
  const slot = takeSlot(lockKey(kind, name));
  const lock = { kind, name, slot: slot.number };
  let held: LockHeld;
  try {
    const options = { timeout: (waitSeconds + 120) * 1000, summary: `take the lock ${name}` };
    held = await activity(`lock ${name}`, 'engine', () =>
      call('locks.acquire', { ...lock, concurrency, ttlSeconds, waitSeconds }, options),
    );
  } catch (error) {
    // Cancelled, or out of workers: an attempt may have got it after all.
    if (!leavesNothing.includes(failureCode(error) ?? '')) await letGo(lock, undefined);
    slot.free();
    throw error;
  }
  const keeping = held.key === '' ? undefined : keep(name, held, ttlSeconds);
  return {
    key: held.key,
    fence:
      held.key === ''
        ? undefined
        : {
            kind,
            names: [name],
            holder: held.key.slice(held.key.lastIndexOf('/') + 1),
            lease: held.leaseId,
            number: held.revision,
            concurrency,
          },
    lost: keeping?.lost ?? new Promise<never>(() => undefined),
    async stopKeeping() {
      await keeping?.stop();
      slot.free();
    },
    async release() {
      keeping?.expectEnd();
      // Who keeps it finds that it was released, and ends.
      if (keeping && !(await letGo(lock, held.leaseId))) await keeping.stop();
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

function keep(name: string, { key, leaseId }: LockHeld, ttlSeconds: number): Keeping {
  // Shielded from the cancellation of the run, whose undo needs the lock.
  const shield = new CancellationScope({ cancellable: false });
  let scope: CancellationScope | undefined;
  let expected = false;
  const kept = shield.run(() => {
    scope = new CancellationScope();
    return scope.run(() =>
      activity(`keep the lock ${name}`, 'engine', () =>
        call('locks.keep', { key, leaseId, ttlSeconds }, { leavesBehind: true }),
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

/** @returns whether it was held until now */
async function letGo(
  lock: { kind: LockKind; name: string; slot: number },
  leaseId: string | undefined,
): Promise<boolean> {
  const { kind, name } = lock;
  try {
    const { released } = await CancellationScope.nonCancellable(() =>
      activity(`release the lock ${name}`, 'engine', () =>
        call('locks.release', { ...lock, ...(leaseId !== undefined && { leaseId }) }),
      ),
    );
    return released;
  } catch (error) {
    log.error(
      `Failed to release lock for key ${lockKey(kind, name)}: ${failureText(error)}; it ends with its lease (${failureCode(error) ?? '-'})`,
    );
    return false;
  }
}

/** Calls an activity as the engine's own, under a name of its own. */
export function activity<T>(label: string, kind: Frame['kind'], body: () => Promise<T>, once = false): Promise<T> {
  return frames.run({ id: currentRun().uniqueName(label), label, kind, calls: 0, once }, body);
}

const slots = new Map<string, Set<number>>();

/** Whether another part of this run holds the same lock, or waits for it. */
export const isShared = (kind: LockKind, name: string): boolean => (slots.get(lockKey(kind, name))?.size ?? 0) > 1;

/** The lowest number no other holder of this run uses for the same lock, so that a continued run finds its own again. */
function takeSlot(key: string): { number: number; free(): void } {
  const used = slots.get(key) ?? new Set<number>();
  slots.set(key, used);
  let number = 0;
  while (used.has(number)) number++;
  used.add(number);
  return { number, free: () => void used.delete(number) };
}
