import { CancellationScope, executeChild, workflowInfo, type ChildWorkflowOptions } from '@temporalio/workflow';
import { OpsError } from '../../src/model/errors.ts';
import type { RunInput, RunResult } from '../../src/model/run.ts';
import { searchAttributes } from '../../src/model/search-attributes.ts';
import { childResult, isCancelled } from './failure.ts';
import { underGuards } from './fences.ts';
import { ask } from './prompt.ts';
import { currentRun } from './run-state.ts';

/** Runs a cookbook as a child run of this one, to its end, whatever that is. */
export async function childRun(cookbook: string, argv: readonly string[], id: string): Promise<RunResult> {
  const { context } = currentRun();
  const input: RunInput = { argv, context };
  try {
    const options: ChildWorkflowOptions = {
      workflowId: id,
      // A parent that ends otherwise asks its children to roll back; the default would kill them where they stand.
      parentClosePolicy: 'REQUEST_CANCEL',
      cancellationType: 'WAIT_CANCELLATION_COMPLETED',
      staticSummary: `${context.dryRun ? '[dry-run] ' : ''}${cookbook} ${argv.join(' ')}`.slice(0, 200),
      typedSearchAttributes: [
        { key: searchAttributes.Operator, value: context.user },
        { key: searchAttributes.DryRun, value: context.dryRun },
        { key: searchAttributes.NeedsAnswer, value: false },
        { key: searchAttributes.Phase, value: 'starting' },
        ...(context.task === undefined ? [] : [{ key: searchAttributes.Task, value: context.task }]),
      ],
    };
    return await underGuards(async () => (await executeChild(cookbook, { ...options, args: [input] })) as RunResult);
  } catch (error) {
    if (isCancelled(error) && CancellationScope.current().consideredCancelled) throw error;
    return childResult(error);
  }
}

/** How `runCookbook` ends for its caller. */
export interface RunCookbookOptions {
  /** Throw when the child run does not end with 0. */
  raises?: boolean;
  /** Ask retry, skip or abort when it does not. */
  confirm?: boolean;
}

/**
 * Runs another cookbook, with a lock, START and END of its own (spicerack.md 1.14).
 * @returns its exit code; nothing after `skip`
 * @throws RUN_COOKBOOK_FAILED with `raises`, ABORTED with `confirm`
 */
export async function runCookbook(
  cookbook: string,
  argv: readonly string[] = [],
  options: RunCookbookOptions = {},
): Promise<number | undefined> {
  const run = currentRun();
  for (;;) {
    const name = run.uniqueName(`run ${cookbook}${argv.length > 0 ? ` ${argv.join(' ')}` : ''}`);
    const carried = run.carry.results[name];
    if (carried) return carried.value as number;
    const report = run.begin(name, 'write');
    const result = await childRun(cookbook, argv, `${workflowInfo().workflowId}/${run.nextChild++}-${cookbook}`);
    run.plan.push(...(result.plan ?? []).map((line) => `${cookbook}: ${line}`));
    run.end(report, result.exitCode === 0 ? 'done' : 'failed', result.error);
    run.carry.results[name] = { value: result.exitCode };
    if (result.exitCode === 0 || !(options.raises || options.confirm)) return result.exitCode;
    const failure = `cookbook ${cookbook} ended with ${result.exitCode}: ${result.error ?? result.status}`;
    if (!options.confirm) throw new OpsError('failed', 'RUN_COOKBOOK_FAILED', failure);
    const decision = await ask(failure, ['retry', 'skip', 'abort']);
    if (decision === 'skip') return undefined;
    if (decision === 'abort') throw new OpsError('failed', 'ABORTED', failure);
  }
}

/** Calls `body` until it succeeds or a person says `skip` (returns nothing) or `abort`. @throws ABORTED */
export async function confirmOnFailure<T>(body: () => Promise<T>): Promise<T | undefined> {
  for (;;) {
    try {
      return await body();
    } catch (error) {
      if (isCancelled(error) || (error instanceof OpsError && error.code === 'ABORTED')) throw error;
      const failure = `failed: ${childResult(error).error ?? ''}`;
      const decision = await ask(failure, ['retry', 'skip', 'abort']);
      if (decision === 'skip') return undefined;
      if (decision === 'abort') throw new OpsError('failed', 'ABORTED', failure);
    }
  }
}
