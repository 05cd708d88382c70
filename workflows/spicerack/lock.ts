import { log } from '@temporalio/workflow';
import { toMs, type Duration } from '../../src/model/duration.ts';
import { checkLock, type LockKind } from '../../src/model/lock-name.ts';
import { call } from '../engine/call.ts';
import { ContinueRequested } from '../engine/failure.ts';
import { currentRun } from '../engine/run-state.ts';
import { activity, type HoldArgs } from './hold-lock.ts';
import { LockScope, alreadyHeld } from './lock-scope.ts';

/**
 * Runs `body` under a lock; when the lock is lost, what goes on in it is cancelled and LockLost is thrown. Taken again by
 * the run that holds it, or by one that this started, it is the same lock.
 */
export async function withLock<T>(kind: LockKind, name: string, args: HoldArgs, body: () => Promise<T>): Promise<T> {
  const { context } = currentRun();
  checkLock(kind, name, args.concurrency, args.ttlSeconds);
  if (context.noLocks) return body();
  if (context.dryRun) return rehearse(kind, name, args, body);
  const held = alreadyHeld(kind, name, args.concurrency);
  if (held) return held.scope ? held.scope.guard(body) : body();
  const scope = new LockScope(kind, name, args);
  await scope.take();
  try {
    const value = await scope.guard(body);
    await scope.release();
    return value;
  } catch (error) {
    scope.noteRefusal(error);
    // The run that follows finds the lock still its own.
    if (error instanceof ContinueRequested) await scope.stopKeeping();
    else if (!scope.keepForUndo()) await scope.release();
    throw error;
  }
}

/** A dry run takes no lock, and says whether it would have to wait. */
async function rehearse<T>(kind: LockKind, name: string, args: HoldArgs, body: () => Promise<T>): Promise<T> {
  const run = currentRun();
  log.info('Skipping lock acquire/release in DRY-RUN mode');
  const { blocked } = await activity(
    `lock ${name}`,
    'read',
    () => call('locks.holders', { kind, name, concurrency: args.concurrency }),
    true,
  );
  run.plan.push(`take the lock ${name}${blocked === undefined ? '' : `, which would have to wait: ${blocked}`}`);
  return body();
}

/** Locks a cookbook takes by itself, beside the automatic one of its run. */
export class Locks {
  /**
   * Runs `body` under a lock shared by all runs, on every machine, that ask for the same name.
   * @param name what is protected; not empty, no `/`
   * @param args concurrency: holders at a time, default 1, 0 is unlimited but recorded; ttl: lease, default 30m, renewed;
   *   below 10s it may end before another worker takes over from one that died
   * @throws InvalidLock, LOCK_UNAVAILABLE after about half an hour, LockLost
   */
  lock<T>(name: string, args: { concurrency?: number; ttl?: Duration }, body: () => Promise<T>): Promise<T> {
    return withLock(
      'custom',
      name,
      { concurrency: args.concurrency ?? 1, ttlSeconds: toMs(args.ttl ?? '30m') / 1000 },
      body,
    );
  }
}
