import { AsyncLocalStorage } from '@temporalio/workflow';
import type { Duration } from '../../src/model/duration.ts';
import type { StepReport } from '../../src/model/run.ts';

/** What the activities of a step take from it: their ids, their words in the history, and their right to change things. */
export interface Frame {
  /** Unique in the run, also among repetitions of the same step. */
  id: string;
  /** The operator's words for it. */
  label: string;
  kind: StepReport['kind'];
  calls: number;
  /** Bound and interval of the conditions in a check. */
  within?: Duration;
  every?: Duration;
  /** A dry run looks once. */
  once?: boolean;
}

export const frames = new AsyncLocalStorage<Frame>();
