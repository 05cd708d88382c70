import type { Duration } from '../../src/model/duration.ts';

/** Reads something; repeated at will, also runs in a dry run. */
export interface ReadStep<T> {
  read: () => Promise<T>;
}

/** Waits for a condition: calls an activity of that class, which the server repeats until it holds. */
export interface CheckStep<T> {
  check: () => Promise<T>;
  /** How long to wait at most. */
  within: Duration;
  /** Longest interval of the poll, which begins with a second; default 5s. */
  every?: Duration;
}

interface Write<T> {
  /** The effect; one activity, or several that a repetition finds done. */
  write: () => Promise<T>;
  /** What a dry run goes on with instead of the result. */
  ifDryRun?: T;
}

/** Tells whether the effect took place: yes, no, or yes and with which result; throws when it cannot tell. */
export type Probe<T> = () => Promise<boolean | { result: T }>;

/** Changes something, and says how to undo it or at least how to find out whether it happened. */
export type WriteStep<T> = Write<T> &
  (
    | {
        /** Receives the result, or nothing when the outcome is unknown; a second execution must be harmless. */
        undo: (result?: T) => Promise<unknown>;
        probe?: Probe<T>;
        /** The undo runs however the run ends, also past a point of no return. */
        guaranteed?: true;
      }
    | {
        /** Point of no return: after it a failure parks the run and undoes nothing before it. */
        undo: 'impossible';
        probe?: Probe<T>;
      }
    | { probe: Probe<T>; undo?: never }
  );

export type StepSpec<T> = ReadStep<T> | CheckStep<T> | WriteStep<T>;
