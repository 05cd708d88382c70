import { CancellationScope, log, workflowInfo } from '@temporalio/workflow';
import { toMs } from '../../src/model/duration.ts';
import { OpsError, messageOf } from '../../src/model/errors.ts';
import { exitCodes } from '../../src/model/exit-codes.ts';
import type { Args, Cookbook, CookbookRunnerBase } from '../../src/model/cookbook.ts';
import { hostLock, type LockKind } from '../../src/model/lock-name.ts';
import type { RunInput, RunResult, RunStatus } from '../../src/model/run.ts';
import { searchAttributes } from '../../src/model/search-attributes.ts';
import { upsertSearchAttributes } from '@temporalio/workflow';
import type { Spicerack } from '../spicerack/spicerack.ts';
import { foresee, foreseeAutomatic } from '../spicerack/lock.ts';
import { LockScope, alreadyHeld } from '../spicerack/lock-scope.ts';
import { call } from './call.ts';
import { failureCode, failureText, isCancelled } from './failure.ts';
import { inside } from './fences.ts';
import { frames } from './frame.ts';
import { currentRun } from './run-state.ts';

/** A cookbook ready to run: nothing has been started or changed so far. */
export interface Prepared {
  runner: CookbookRunnerBase;
  skipStartSal: boolean;
}

/** Ends a run before it started anything; the exit code says at which stage (spicerack.md 1.6). */
export class NotStarted extends Error {
  readonly exitCode: number;
  constructor(exitCode: number, error: unknown) {
    super(failureText(error), { cause: error });
    this.name = 'NotStarted';
    this.exitCode = exitCode;
  }
}

/** Does one thing of the engine's own as an activity with a readable name. */
export const engineStep = <T>(id: string, label: string, body: () => Promise<T>): Promise<T> =>
  frames.run({ id, label, kind: 'engine', calls: 0 }, body);

async function stage<T>(exitCode: number, body: () => T | Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (isCancelled(error)) throw error;
    throw new NotStarted(exitCode, error);
  }
}

/** Reads the arguments, builds the runner, works out its description and freezes the hosts it is about. */
export async function prepare(cookbook: Cookbook, input: RunInput, spicerack: Spicerack): Promise<Prepared> {
  const run = currentRun();
  const args: Args = await readArguments(cookbook, input);
  const runner = await stage(exitCodes.initFailed, () => cookbook.getRunner(args, spicerack));
  try {
    run.description = runner.runtimeDescription;
  } catch (error) {
    log.error(`runtime description of ${cookbook.name}: ${messageOf(error)}`);
  }
  const expression = await stage(exitCodes.initFailed, () => runner.hosts);
  if (expression !== undefined) await stage(exitCodes.initFailed, () => spicerack.freezeHosts(expression));
  upsertSearchAttributes([
    { key: searchAttributes.Phase, value: 'running' },
    // One value of a list attribute may hold 2 KiB in all; a larger set is found by its folded form.
    ...(run.hosts.length === 0
      ? []
      : [{ key: searchAttributes.Hosts, value: run.hosts.length > 40 ? [run.hostsFolded.slice(0, 1000)] : run.hosts }]),
  ]);
  run.phase = 'running';
  return { runner, skipStartSal: await stage(exitCodes.initFailed, () => runner.skipStartSal) };
}

async function readArguments(cookbook: Cookbook, input: RunInput): Promise<Args> {
  if (input.args) return input.args;
  try {
    return await engineStep('arguments', 'read the arguments', () =>
      call('cookbook.arguments', { cookbook: cookbook.name, argv: [...input.argv] }),
    );
  } catch (error) {
    if (isCancelled(error)) throw error;
    throw new NotStarted(
      failureCode(error) === 'ARGUMENTS_INVALID' ? exitCodes.usage : exitCodes.argumentsFailed,
      error,
    );
  }
}

/** Takes the run's automatic lock, then those of its hosts if the cookbook says so; waits for each up to half an hour. */
export async function takeLocks(cookbook: string, runner: CookbookRunnerBase): Promise<LockScope[]> {
  const { context, hosts } = currentRun();
  const lockArgs = await stage(exitCodes.initFailed, () => runner.lockArgs);
  const name = lockArgs.suffix ? `${cookbook}:${lockArgs.suffix}` : cookbook;
  const perHost = (await stage(exitCodes.initFailed, () => runner.lockHosts)) ? hosts.map(hostLock) : [];
  if (context.noLocks) {
    log.info(`no lock taken for ${name}: --no-locks`);
    return [];
  }
  const concurrency = lockArgs.concurrency ?? 20;
  if (context.dryRun) {
    await stage(exitCodes.configuration, async () => {
      await foreseeAutomatic(name, concurrency);
      if (perHost.length > 0) await foresee('custom', perHost, 1);
    });
    return [];
  }
  const ttlSeconds = Math.ceil(toMs(lockArgs.ttl ?? '30m') / 1000);
  const taken: LockScope[] = [];
  const take = async (kind: LockKind, names: readonly string[], concurrency: number) => {
    const { left } = alreadyHeld(kind, names, concurrency);
    if (left.length === 0) return;
    const lock = new LockScope(kind, left, { concurrency, ttlSeconds });
    await inside(taken, () => lock.take());
    taken.push(lock);
  };
  return stage(exitCodes.configuration, async () => {
    try {
      await take('cookbooks', [name], concurrency);
      await take('custom', perHost, 1);
      return taken;
    } catch (error) {
      await CancellationScope.nonCancellable(() => giveBack(taken));
      throw error;
    }
  });
}

/** Gives locks back, the last one first. */
export async function giveBack(locks: readonly LockScope[]): Promise<void> {
  for (const lock of locks.toReversed()) await lock.release();
}

/** START, END or DONE on the SAL and in the logs; the run's id leads from the line to its history. */
export async function announce(keyword: 'START' | 'END' | 'DONE', result?: RunResult): Promise<void> {
  const run = currentRun();
  const ended = result ? ` (${result.status})` : '';
  const code = result ? ` (exit_code=${result.exitCode})` : '';
  const text =
    `${keyword}${ended} - Cookbook ${run.cookbook}${code} ${run.description} [${workflowInfo().workflowId}]`.replaceAll(
      / +/g,
      ' ',
    );
  log.info(text);
  if (run.context.dryRun || run.carry.state[keyword] === true) return;
  run.carry.state[keyword] = true;
  try {
    await engineStep(keyword, `announce ${keyword}`, () => call('announce.sal', { text }));
  } catch (error) {
    if (isCancelled(error)) throw error;
    log.warn(`announcement failed: ${failureText(error)}`);
  }
}

/** Checks what a cookbook's `run` returned: nothing, or 0 to 127 without the reserved 90 to 99. */
export function resultOf(returned: unknown): { exitCode: number; status: RunStatus } {
  if (returned === undefined || returned === null || returned === 0) return { exitCode: exitCodes.ok, status: 'PASS' };
  if (
    Number.isInteger(returned) &&
    Number(returned) > 0 &&
    Number(returned) < 128 &&
    (Number(returned) < 90 || Number(returned) > 99)
  )
    return { exitCode: Number(returned), status: 'FAIL' };
  throw new OpsError(
    'failed',
    'EXIT_CODE_INVALID',
    `the cookbook returned ${JSON.stringify(returned)}: return nothing, or a number from 0 to 127 that is not from 90 to 99`,
  );
}
