import type { Mode } from './execution.ts';
import type { PackedExecution } from './packed-execution.ts';

/** Name of the run of `cookbook exec`, which no cookbook can have. */
export const execName = 'exec';

/** The forms in which outputs are printed instead of in groups. */
export type OutputForm = 'txt' | 'json' | 'ndjson';

/** Arguments of the run of `cookbook exec`; times in seconds. */
export interface ExecArgs {
  /** Folded names of the hosts that were confirmed. */
  hosts: string;
  commands: string[];
  mode: Mode;
  /** Hosts at a time: a number, or a percentage such as `10%`. */
  batchSize?: number | `${number}%`;
  batchSleep?: number;
  /** 0 to 100. */
  successPercentage: number;
  timeout?: number;
  globalTimeout?: number;
  /** Exit statuses that count as success; empty: all. */
  okCodes?: number[];
  /** The commands only read. */
  safe: boolean;
  output?: OutputForm;
}

/** What the run hands to whoever follows it. */
export interface ExecReport extends PackedExecution {
  output?: OutputForm;
}
