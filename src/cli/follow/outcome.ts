import { defaultPayloadConverter } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';
import { exitCodes } from '../../model/exit-codes.ts';
import { cookbookFailed, type RunResult } from '../../model/run.ts';
import type { HistoryEvent } from './history.ts';

/** How a run ended. */
export interface Outcome extends RunResult {
  /** What an operator must know although the run cannot say it itself. */
  warning?: string;
}

type Failure = temporal.api.failure.v1.IFailure;
type Payloads = temporal.api.common.v1.IPayloads;

/** The outcome that an event tells; undefined for one that does not close the run. */
export function outcomeOf(event: HistoryEvent): Outcome | undefined {
  const {
    workflowExecutionCompletedEventAttributes: completed,
    workflowExecutionFailedEventAttributes: failed,
    workflowExecutionCanceledEventAttributes: canceled,
    workflowExecutionTerminatedEventAttributes: terminated,
    workflowExecutionTimedOutEventAttributes: timedOut,
  } = event;
  if (completed) return resultIn(completed.result) ?? { exitCode: exitCodes.ok, status: 'PASS' };
  if (failed) return failureOutcome(failed.failure);
  if (canceled)
    return {
      ...(resultIn(canceled.details) ?? { status: 'ERROR', error: 'cancelled' }),
      exitCode: exitCodes.interrupted,
    };
  const nothingUndone = 'nothing was undone, its locks and effects stay as they are';
  if (terminated)
    return {
      exitCode: exitCodes.exception,
      status: 'ERROR',
      error: `terminated by ${terminated.identity || 'somebody'}${terminated.reason ? `: ${terminated.reason}` : ''}`,
      warning: nothingUndone,
    };
  if (timedOut)
    return {
      exitCode: exitCodes.exception,
      status: 'ERROR',
      error: 'its time in Temporal is up',
      warning: nothingUndone,
    };
  return undefined;
}

/** The result of a run that did not pass, out of the failure it was closed with. */
export function failureOutcome(failure: Failure | null | undefined): Outcome {
  const info = failure?.applicationFailureInfo;
  const result = info?.type === cookbookFailed ? resultIn(info.details) : undefined;
  return result ?? { exitCode: exitCodes.exception, status: 'ERROR', error: failureText(failure) };
}

/** The innermost message of a failure, which says what really happened, on one line. */
export function failureText(failure: Failure | null | undefined): string {
  let at = failure;
  while (at?.cause) at = at.cause;
  return (at?.message || failure?.message || 'failed without a message').trim().replaceAll(/\s*\n\s*/g, ' ');
}

function resultIn(payloads: Payloads | null | undefined): RunResult | undefined {
  const [first] = payloads?.payloads ?? [];
  const value: unknown = first ? defaultPayloadConverter.fromPayload(first) : undefined;
  const isResult =
    typeof value === 'object' && value !== null && 'exitCode' in value && typeof value.exitCode === 'number';
  return isResult ? (value as unknown as RunResult) : undefined;
}
