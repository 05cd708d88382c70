import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  TimeoutFailure,
  isCancellation,
} from '@temporalio/workflow';
import { OpsError, lockLost, messageOf, unknownOutcome } from '../../src/model/errors.ts';
import { cookbookFailed, type RunResult } from '../../src/model/run.ts';

/** Thrown through a cookbook after a person decided how the run goes on; nobody is asked again. */
export class Decided extends Error {
  readonly decision: 'roll back' | 'leave';
  constructor(decision: 'roll back' | 'leave', cause: unknown) {
    super(failureText(cause), { cause });
    this.name = 'Decided';
    this.decision = decision;
  }
}

/** Thrown through a cookbook to continue the run as new, once nothing is under way. */
export class ContinueRequested extends Error {
  override readonly name = 'ContinueRequested';
}

/** The code of an {@link OpsError} on either side of the activity boundary, else the failure's type. */
export function failureCode(error: unknown): string | undefined {
  if (error instanceof OpsError) return error.code;
  if (error instanceof ApplicationFailure) return error.type ?? undefined;
  if (error instanceof ActivityFailure) return failureCode(error.cause);
  return undefined;
}

/** Whether only a probe or a person can tell if the effect took place. */
export const isUnknownOutcome = (error: unknown): boolean =>
  failureCode(error) === unknownOutcome || (error instanceof OpsError && error.kind === 'unknown');

/** Key of the holder whose loss is the reason, if one is. */
export function lostKey(error: unknown): string | undefined {
  if (error instanceof ActivityFailure) return lostKey(error.cause);
  if (failureCode(error) !== lockLost) return undefined;
  const facts = error instanceof OpsError ? error.facts : ((error as ApplicationFailure).details?.[0] ?? {});
  return (facts as { key?: string }).key;
}

export const isLockLost = (error: unknown): boolean => failureCode(error) === lockLost;

/** Whether the run, or the scope it works in, was cancelled. */
export const isCancelled = (error: unknown): boolean => isCancellation(error);

/** What went wrong, in one line for the operator. */
export function failureText(error: unknown): string {
  if (error instanceof ActivityFailure)
    return error.cause instanceof TimeoutFailure
      ? timeoutText(error.activityType, error.cause)
      : failureText(error.cause);
  if (error instanceof ChildWorkflowFailure) return failureText(error.cause);
  if (error instanceof CancelledFailure || isCancellation(error)) return 'cancelled';
  return messageOf(error);
}

function timeoutText(activity: string, timeout: TimeoutFailure): string {
  const last = timeout.cause === undefined ? '' : `; last: ${failureText(timeout.cause)}`;
  const why = {
    HEARTBEAT: 'its worker stopped answering',
    START_TO_CLOSE: 'one attempt took too long',
    SCHEDULE_TO_CLOSE: 'out of time',
    SCHEDULE_TO_START: 'no worker took it',
  };
  return `${activity}: ${why[timeout.timeoutType as keyof typeof why]}${last}`;
}

/** The result of a child run that did not pass. */
export function childResult(error: unknown): RunResult {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure && cause.type === cookbookFailed) return cause.details?.[0] as RunResult;
  if (isCancellation(error)) return { exitCode: 97, status: 'ERROR', error: 'cancelled' };
  return { exitCode: 99, status: 'ERROR', error: failureText(error) };
}
