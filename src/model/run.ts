/** What to do when a step of a run fails: undo everything, or park the run until a person decides. */
export type OnFailure = 'rollback' | 'hold';

/**
 * Who started a run and under which rules. Travels in a Temporal header to every activity and child run; without it
 * nothing may be changed.
 */
export interface RunContext {
  /** Operator's login name (`SUDO_USER`, else `USER`). */
  user: string;
  /** Host name of the machine the run was started from. */
  host: string;
  dryRun: boolean;
  noLocks: boolean;
  verbose: boolean;
  onFailure: OnFailure;
  /** A query that gives more hosts is refused; absent when the configuration's `max_hosts` counts. */
  maxHosts?: number;
  /** Why, in the operator's words. */
  reason?: string;
  /** Ticket, `T` and up to six digits. */
  task?: string;
  /** First execution of the run, the same after it continued as new; written by the engine. */
  origin?: string;
  /** Cookbook whose log files a child run writes to, the one its operator started; written by the engine. */
  logsOf?: string;
}

/** What the log lines of a run tell beside their message; its names are those the log files understand. */
export const logAttributes = ({ user, dryRun, logsOf }: RunContext): Record<string, unknown> => ({
  user,
  dryRun,
  ...(logsOf !== undefined && { logsOf }),
});

/** Name of the header that carries the {@link RunContext}. */
export const contextHeader = 'sumac-context';

/** Input of every run; the workflow type is the cookbook's name. */
export interface RunInput {
  /** Arguments as typed after the cookbook's name. */
  argv: readonly string[];
  /** The arguments as the cookbook's own parser read them; when absent the run has them parsed by an activity. */
  args?: Record<string, unknown>;
  /** For the reader of the history: the engine obeys only the header. */
  context?: RunContext;
  /** State of the run before it continued as new. */
  carry?: Carry;
}

/** What a run takes along when it continues as new. */
export interface Carry {
  /** Results of finished steps by their unique name. */
  results: Record<string, { value?: unknown }>;
  /** Engine's and fleet's own state by key. */
  state: Record<string, unknown>;
  startedAt: number;
}

export type RunStatus = 'PASS' | 'FAIL' | 'ERROR';

export type StepState = 'running' | 'done' | 'skipped' | 'failed' | 'planned' | 'undone' | 'undo failed' | 'unknown';

export interface StepReport {
  name: string;
  kind: 'read' | 'check' | 'write' | 'undo' | 'prompt' | 'engine';
  state: StepState;
  startedAt: number;
  endedAt?: number;
  error?: string;
}

/** A question that parks the run. */
export interface Prompt {
  id: string;
  message: string;
  /** Accepted answers; absent when any text is taken. */
  choices?: readonly string[];
  since: number;
}

export interface Answer {
  value: string;
  by: string;
  /** Which prompt is meant; may be left out while only one is open. */
  prompt?: string;
}

/** Signal of a child run to its parent: it waits for a person ({@link names.parked}), or does no longer ({@link names.unparked}). */
export interface Parked {
  run: string;
  message: string;
  /** Answers it takes; absent when any text is taken. */
  choices?: readonly string[];
}

/** Result of a run, and first detail of the failure of one that did not pass. */
export interface RunResult {
  exitCode: number;
  status: RunStatus;
  /** Why it did not pass. */
  error?: string;
  /** Steps that stay done though the run did not pass: past a point of no return, or left on a person's word. */
  left?: string[];
  /** What could not be undone, and why. */
  notUndone?: string[];
  /** In a dry run: what it would do, in order. */
  plan?: string[];
  /** What the cookbook handed back through `spicerack.report`. */
  report?: unknown;
}

/** Answer of the query {@link names.status}. */
export interface RunStatusReport {
  cookbook: string;
  phase: string;
  dryRun: boolean;
  description: string;
  hosts: string[];
  /** The latest 200, oldest first. */
  steps: StepReport[];
  /** Steps left out of `steps` because there were too many. */
  stepsOmitted: number;
  prompts: Prompt[];
  locks: string[];
  /** Hosts whose keys are accepted although nothing vouches for them, folded query by query. */
  unverified?: string[];
  /** What others have told the run, such as that a person took a lock away. */
  told?: string[];
  /** Steps a rollback would undo, newest first. */
  undo: string[];
  fleet?: FleetReport;
}

export type HostState = 'pending' | 'running' | 'parked' | 'done' | 'failed' | 'skipped' | 'cancelled';

export interface FleetHost {
  host: string;
  state: HostState;
  exitCode?: number;
  startedAt?: number;
  endedAt?: number;
  /** Why it failed, or what it asks while it is parked. */
  error?: string;
  /** While it is parked: the answers it takes; absent when any text is taken. */
  choices?: readonly string[];
}

export interface FleetReport {
  cookbook: string;
  width: number;
  paused: boolean;
  /** How many hosts may fail or wait for an answer before no further one is started. */
  mayFail: number;
  /** How many go first, alone; absent once they have passed. */
  canaries?: number;
  hosts: FleetHost[];
}

/** Names that clients and workflows share. */
export const names = {
  status: 'status',
  report: 'report',
  answer: 'answer',
  parked: 'parked',
  unparked: 'unparked',
  pause: 'pause',
  resume: 'resume',
  width: 'width',
  skip: 'skip',
  abort: 'abort',
  told: 'told',
} as const;

/** Type of the failure with which a run that did not pass is closed; its first detail is the {@link RunResult}. */
export const cookbookFailed = 'CookbookFailed';
