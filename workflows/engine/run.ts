import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  log,
  workflowInfo,
} from '@temporalio/workflow';
import { cookbooksOf, type Cookbook, type CookbookModule, type CookbookRunnerBase } from '../../src/model/cookbook.ts';
import type { EffectTable } from '../../src/model/effect.ts';
import { exitCodes } from '../../src/model/exit-codes.ts';
import { nearMatches } from '../../src/model/near.ts';
import { cookbookFailed, type RunInput, type RunResult } from '../../src/model/run.ts';
import { endKept, insideAgain, releaseLeft, type LockScope } from '../spicerack/lock-scope.ts';
import { Spicerack } from '../spicerack/spicerack.ts';
import { runContext } from './context.ts';
import { ContinueRequested, Decided, failureText, isCancelled } from './failure.ts';
import { serveFleet } from './fleet-control.ts';
import { afterFailedRun, uncancellable } from './hold.ts';
import { NotStarted, announce, giveBack, prepare, resultOf, takeLocks, type Prepared } from './life.ts';
import { servePrompts } from './prompt.ts';
import { undoAll } from './rollback.ts';
import { RunState, currentRun } from './run-state.ts';
import { serveTold } from './told.ts';

/** Loads the module of a cookbook; a module that throws while loading fails its own runs only. */
export type Registry = Readonly<Record<string, () => CookbookModule & Record<string, unknown>>>;

/** The one workflow that serves every cookbook of a bundle; its type is the cookbook's name. */
export function serve(registry: Registry, effects: EffectTable) {
  return async (given: Partial<RunInput> = {}): Promise<RunResult> => {
    const input: RunInput = { argv: [], ...given };
    const run = new RunState(workflowInfo().workflowType, runContext(), effects, input.carry);
    servePrompts();
    serveFleet();
    serveTold();
    const result = await live(registry, input);
    run.phase = result.status;
    run.enter(result.status);
    await uncancellable(() => condition(allHandlersFinished));
    return close(result);
  };
}

function close(result: RunResult): RunResult {
  const message = [
    `${result.status} (exit_code=${result.exitCode})`,
    result.error,
    ...(result.notUndone ?? []).map((left) => `NOT undone: ${left}`),
  ]
    .filter(Boolean)
    .join('; ');
  if (result.exitCode === exitCodes.ok) return result;
  // Temporal keeps no result of a canceled run: one that leaves something behind or has something to tell fails instead, and says what.
  const cancelled = result.exitCode === exitCodes.interrupted && CancellationScope.current().consideredCancelled;
  if (cancelled && result.left === undefined && result.report === undefined) throw new CancelledFailure(message);
  throw ApplicationFailure.nonRetryable(message, cookbookFailed, result);
}

function find(registry: Registry, name: string): Cookbook {
  // `module` for one cookbook in a module, `module.Class` for several.
  const path = name in registry ? name : name.slice(0, Math.max(0, name.lastIndexOf('.')));
  const load = registry[path];
  const found = load && cookbooksOf(path, load()).get(name);
  if (found) return found;
  const near = nearMatches(name, Object.keys(registry));
  throw new NotStarted(
    exitCodes.notFound,
    `Unable to find cookbook ${name}${near.length > 0 ? `; near: ${near.join(', ')}` : ''}`,
  );
}

async function live(registry: Registry, input: RunInput): Promise<RunResult> {
  try {
    const spicerack = new Spicerack();
    const cookbook = load(registry);
    const prepared = await prepare(cookbook, input, spicerack);
    const locks = await takeLocks(cookbook.name, prepared.runner);
    return await underLocks(input, prepared, locks);
  } catch (error) {
    if (error instanceof NotStarted) return { exitCode: error.exitCode, status: 'ERROR', error: error.message };
    if (isCancelled(error))
      return { exitCode: exitCodes.interrupted, status: 'ERROR', error: 'cancelled before it started' };
    throw error;
  }
}

function load(registry: Registry): Cookbook {
  try {
    return find(registry, workflowInfo().workflowType);
  } catch (error) {
    throw error instanceof NotStarted ? error : new NotStarted(exitCodes.initFailed, error);
  }
}

async function underLocks(
  input: RunInput,
  { runner, skipStartSal }: Prepared,
  locks: readonly LockScope[],
): Promise<RunResult> {
  const run = currentRun();
  // An announcement delays nothing; END waits for it.
  const started = skipStartSal ? Promise.resolve() : uncancellable(() => announce('START'));
  let result: RunResult;
  try {
    result = await body(runner, locks);
  } catch (error) {
    if (!(error instanceof ContinueRequested)) throw error;
    await uncancellable(async () => {
      await started;
      await condition(allHandlersFinished);
    });
    if (!CancellationScope.current().consideredCancelled) {
      await endKept('stopKeeping');
      for (const lock of locks) await lock.stopKeeping();
    }
    if (!CancellationScope.current().consideredCancelled)
      return await continueAsNew<(next: RunInput) => Promise<RunResult>>({ ...input, carry: run.carry });
    // The run that would have followed is not to be: this one ends here.
    log.error('the run was cancelled');
    const cancelled = { exitCode: exitCodes.interrupted, status: 'ERROR', error: 'cancelled' } as const;
    result = await rollBack(runner, cancelled, 'roll back', locks);
    await uncancellable(releaseLeft);
  }
  await uncancellable(async () => {
    await endKept('release');
    await giveBack(locks);
    await started;
    run.locks.length = 0;
    log.debug(
      `__COOKBOOK_STATS__:name=${run.cookbook},exit_code=${result.exitCode},duration=${((Date.now() - run.carry.startedAt) / 1000).toFixed(3)}`,
    );
    await announce(skipStartSal ? 'DONE' : 'END', result);
  });
  return {
    ...result,
    ...(run.context.dryRun && { plan: run.plan }),
    ...(run.report === undefined ? {} : { report: run.report }),
  };
}

/** The cookbook's own part, then what its end demands: undo, or what is guaranteed to be cleaned up. */
async function body(runner: CookbookRunnerBase, locks: readonly LockScope[]): Promise<RunResult> {
  const run = currentRun();
  let result: RunResult;
  let decision: 'roll back' | 'leave' = 'roll back';
  try {
    const procedure = locks.reduceRight(
      (inner, lock) => () => lock.guard(inner),
      () => runner.run(),
    );
    result = resultOf(await procedure());
    if (result.exitCode !== exitCodes.ok) decision = await afterFailedRun(new Error(`it returned ${result.exitCode}`));
  } catch (error) {
    if (error instanceof ContinueRequested) throw error;
    for (const lock of locks) lock.noteRefusal(error);
    if (run.context.dryRun && run.unforeseen !== undefined && !isCancelled(error)) {
      run.plan.push(`what follows cannot be foreseen after '${run.unforeseen}' (${failureText(error)})`);
      return { exitCode: exitCodes.ok, status: 'PASS' };
    }
    result = isCancelled(error)
      ? { exitCode: exitCodes.interrupted, status: 'ERROR', error: 'cancelled' }
      : { exitCode: exitCodes.exception, status: 'FAIL', error: failureText(error) };
    if (isCancelled(error)) log.error('the run was cancelled');
    else if (!(error instanceof Decided))
      log.error(`Exception raised while executing cookbook ${run.cookbook}: ${failureText(error)}`);
    decision = await afterFailedRun(error);
  }
  return result.exitCode === exitCodes.ok ? await tidyUp(result) : await rollBack(runner, result, decision, locks);
}

async function tidyUp(result: RunResult): Promise<RunResult> {
  if (currentRun().context.dryRun) return result;
  const failed = await undoAll(currentRun().undo.guaranteed());
  return failed.length === 0
    ? result
    : {
        exitCode: exitCodes.rollbackFailed,
        status: 'FAIL',
        error: 'passed, but its clean-up did not',
        notUndone: failed,
      };
}

async function rollBack(
  runner: CookbookRunnerBase,
  result: RunResult,
  decision: 'roll back' | 'leave',
  locks: readonly LockScope[],
): Promise<RunResult> {
  const run = currentRun();
  if (run.context.dryRun) return result;
  const passed = run.undo.pointOfNoReturn;
  run.enter(decision === 'leave' ? 'cleaning up' : 'rolling back');
  const undo = decision === 'leave' ? run.undo.guaranteed() : run.undo.rollback();
  const stays = run.undo.besides(undo);
  const left = [...(passed === undefined ? [] : [passed]), ...stays];
  const failed: string[] = [];
  const ownRollback = decision === 'roll back' && runner.hasRollback;
  const backwards = async () => {
    failed.push(...(await undoAll(undo)));
    if (!ownRollback) return;
    try {
      await runner.rollback();
    } catch (error) {
      failed.push(`rollback of ${run.cookbook}: ${failureText(error)}`);
    }
  };
  try {
    await uncancellable(() => insideAgain(locks, backwards));
  } catch (error) {
    // Without its lock nothing is undone, either.
    const undone = [...undo.map(({ step }) => step), ...(ownRollback ? [`rollback of ${run.cookbook}`] : [])];
    failed.push(...undone.map((what) => `${what}: ${failureText(error)}`));
  }
  const error = [
    result.error,
    ...(passed === undefined ? [] : [`past the point of no return '${passed}'`]),
    ...(stays.length === 0 ? [] : [`not undone: ${stays.join(', ')}`]),
  ]
    .filter(Boolean)
    .join('; ');
  const ended = { ...result, ...(error !== '' && { error }), ...(left.length > 0 && { left }) };
  return failed.length === 0 ? ended : { ...ended, exitCode: exitCodes.rollbackFailed, notUndone: failed };
}
