/**
 * What the engine does about an error; the code says which error it is.
 * usage: nothing started. transient: the retry policy of the effect's class. failed: definite, stop and undo.
 * unknown: the effect may have taken place, ask the probe. not-yet: a condition does not hold so far.
 */
export type ErrorKind = 'usage' | 'transient' | 'failed' | 'unknown' | 'not-yet';

/** Failure type of an outcome nobody knows: only a probe, or a person, can tell. */
export const unknownOutcome = 'UnknownOutcome';
/** Failure type of a lock that was lost while its run was still at work. */
export const lockLost = 'LockLost';

/** Failure type of an effect that was not started, as nobody could tell whether a lock of its is still held. */
export const lockUnconfirmed = 'LOCK_UNCONFIRMED';

/** An error whose text is written for the operator: what was tried, on what, why it failed, and the way out. */
export class OpsError extends Error {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly facts: Record<string, unknown>;

  constructor(kind: ErrorKind, code: string, message: string, facts: Record<string, unknown> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'OpsError';
    this.kind = kind;
    this.code = code;
    this.facts = facts;
  }
}

/** Work that was given up when its run was cancelled, and what had come out until then. */
export class GivenUp extends Error {
  readonly result: unknown;

  constructor(message: string, result: unknown) {
    super(message);
    this.name = 'GivenUp';
    this.result = result;
  }
}

/** The error of an option that cannot be: which, what it was given as, and what it should be. */
export const invalidOption = (option: string, value: unknown, what: string) =>
  new OpsError('usage', 'OPTION_INVALID', `${option}: ${JSON.stringify(value)} ${what}`, { option, value });

export const isOpsError = (error: unknown): error is OpsError => error instanceof Error && error.name === 'OpsError';

/** The text of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
