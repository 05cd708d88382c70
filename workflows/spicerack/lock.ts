import { log } from '@temporalio/workflow';
import { toMs, type Duration } from '../../src/model/duration.ts';
import { checkLock, hostLock, packNames, type LockKind } from '../../src/model/lock-name.ts';
import { call } from '../engine/call.ts';
import { ContinueRequested } from '../engine/failure.ts';
import { currentRun } from '../engine/run-state.ts';
import { activity, type HoldArgs } from './hold-lock.ts';
import { LockScope, alreadyHeld } from './lock-scope.ts';

/** Terms on which a cookbook takes a lock. */
export interface LockTerms {
  /** Holders at a time, default 1; 0 is unlimited, but recorded. */
  concurrency?: number;
  /** Lease, default 30m, renewed; below 10s it may end before another worker takes over from one that died. */
  ttl?: Duration;
}

/**
 * Runs `body` under locks, taken all or none; when one is lost, what goes on in it is cancelled and LockLost is thrown.
 * Those that this run, or the one that started it, holds already are not taken again.
 */
export async function withLock<T>(
  kind: LockKind,
  names: readonly string[],
  args: HoldArgs,
  body: () => Promise<T>,
): Promise<T> {
  const { context } = currentRun();
  for (const name of names) checkLock(kind, name, args.concurrency, args.ttlSeconds);
  if (context.noLocks || names.length === 0) return body();
  if (context.dryRun) return rehearse(kind, names, args, body);
  const { kept, left } = alreadyHeld(kind, names, args.concurrency);
  const underKept = kept.reduce((inner, scope) => () => scope.guard(inner), body);
  if (left.length === 0) return underKept();
  const scope = new LockScope(kind, left, args);
  await scope.take();
  try {
    const value = await scope.guard(underKept);
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
async function rehearse<T>(
  kind: LockKind,
  names: readonly string[],
  args: HoldArgs,
  body: () => Promise<T>,
): Promise<T> {
  await foresee(kind, names, args.concurrency);
  return body();
}

/** Notes in the plan of a dry run that it takes locks, and whether it would have to wait for them. */
export async function foresee(kind: LockKind, names: readonly string[], concurrency: number): Promise<void> {
  log.info('Skipping lock acquire/release in DRY-RUN mode');
  const { label, blocked } = await whyNot(kind, names, concurrency);
  currentRun().plan.push(
    `take the lock ${label}${blocked === undefined ? '' : `, which would have to wait: ${blocked}`}`,
  );
}

/** The same for the lock that every run takes: told only when it would have to wait. */
export async function foreseeAutomatic(name: string, concurrency: number): Promise<void> {
  log.info('Skipping lock acquire/release in DRY-RUN mode');
  const { label, blocked } = await whyNot('cookbooks', [name], concurrency);
  if (blocked !== undefined) currentRun().plan.push(`wait for the lock ${label}: ${blocked}`);
}

/** Reads locks. */
async function whyNot(kind: LockKind, names: readonly string[], concurrency: number) {
  const packed = packNames(names);
  const label = packed.join(', ').slice(0, 100);
  const [name = '', ...rest] = packed;
  const asked = { kind, name, ...(rest.length > 0 && { others: rest }), concurrency };
  const { blocked } = await activity(`lock ${label}`, 'read', () => call('locks.holders', asked), true);
  return { label, blocked };
}

const termsOf = ({ concurrency = 1, ttl = '30m' }: LockTerms): HoldArgs => ({
  concurrency,
  ttlSeconds: toMs(ttl) / 1000,
});

/** Locks a cookbook takes by itself, beside the automatic one of its run. */
export class Locks {
  /**
   * Runs `body` under a lock shared by all runs, on every machine, that ask for the same name; or under several, taken in
   * the same order by all: of runs that take them one inside of the other instead, and wait for each other, the last fails.
   * @param name what is protected; not empty, no `/`
   * @throws InvalidLock, LOCK_UNAVAILABLE after about half an hour, LOCK_DEADLOCK, LockLost
   */
  lock<T>(name: string | readonly string[], terms: LockTerms, body: () => Promise<T>): Promise<T> {
    return withLock('custom', typeof name === 'string' ? [name] : name, termsOf(terms), body);
  }

  /**
   * Runs `body` while no other cookbook that does so works on any of the hosts: under the lock `host:NAME` of each.
   * @throws as {@link lock}
   */
  lockHosts<T>(hosts: readonly string[], terms: Pick<LockTerms, 'ttl'>, body: () => Promise<T>): Promise<T> {
    return withLock('custom', hosts.map(hostLock), termsOf(terms), body);
  }
}
