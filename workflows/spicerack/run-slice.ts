import { ActivityFailure, ApplicationFailure, CancelledFailure, uuid4 } from '@temporalio/workflow';
import type { InputOf, OutputOf } from '../../activities/index.ts';
import { OpsError } from '../../src/model/errors.ts';
import { expand } from '../../src/model/host-set.ts';
import { type HostCommand, type HostResult, resultCodes } from '../../src/model/remote-result.ts';
import type { Plan, RunSyncOptions } from '../../src/model/run-options.ts';
import { type SliceResult, unpackResults } from '../../src/model/slice-result.ts';
import { call } from '../engine/call.ts';
import { isUnknownOutcome } from '../engine/failure.ts';
import { uncancellable } from '../engine/hold.ts';

/** How the hosts of a query are worked on. */
export interface RemoteOptions {
  /**
   * Run every command as root by `sudo -n -H`, and transfer files as root. Unlike Spicerack's `sudo -i` this starts no login
   * shell: root's profile files are not read, and commands begin in the directory in which the login does.
   */
  useSudo?: boolean;
  /** Reach them while their installer runs. */
  installer?: boolean;
  /** Most hosts served by one activity, as `ssh.slice_size` says when the hosts are resolved; default 1000. */
  sliceSize?: number;
}

/** Hosts of one network. */
export interface HostSlice {
  site: string | undefined;
  hosts: readonly string[];
}

/** Bound of safe commands that have no time-out of their own. */
const longestRead = 3_600_000;
const longestAttempt = 365 * 86_400_000;

/** What the slices of an execution have in common. */
export interface Shared {
  plan: Plan;
  options: RunSyncOptions;
  remote: RemoteOptions;
  deadlineAt: number | undefined;
  /** What has come out so far. */
  results: HostResult[];
}

/** Commands that one activity runs, and the place of the first among all. */
export interface Group {
  place: number;
  commands: HostCommand[];
}

export interface Round {
  results: HostResult[];
  timeUp: boolean;
}

/** Runs a group of commands on hosts as one activity. What has come out is kept in `shared`, also when it throws. */
export async function runSlice(
  { hosts, site }: HostSlice,
  { place, commands }: Group,
  budget: Pick<InputOf<'remote.runSync'>, 'failuresAllowed' | 'shared'>,
  shared: Shared,
): Promise<Round> {
  const { plan, deadlineAt } = shared;
  const { user, env, stdin, isSafe } = shared.options;
  const { useSudo, installer } = shared.remote;
  const where = {
    hosts,
    id: uuid4(),
    ...(installer === true && { installer }),
    ...(useSudo === true && { sudo: true }),
    ...(user === undefined ? {} : { user }),
  };
  const input = {
    ...where,
    commands,
    ...budget,
    ...(shared.options.live === true && { live: place }),
    ...(env === undefined ? {} : { env }),
    ...(stdin === undefined ? {} : { stdin }),
    ...(plan.patienceMs === undefined ? {} : { patienceMs: plan.patienceMs }),
    ...(plan.startPatienceMs === undefined ? {} : { startPatienceMs: plan.startPatienceMs }),
    ...(plan.batchSize === undefined ? {} : { batchSize: plan.batchSize }),
    ...(plan.batchSleepMs === 0 ? {} : { batchSleepMs: plan.batchSleepMs }),
    ...(deadlineAt === undefined ? {} : { timeLeftMs: Math.max(0, deadlineAt - Date.now()) }),
  };
  const gather = (results: HostResult[]): HostResult[] => {
    const placed = results.map((result) => ({ ...result, index: result.index + place }));
    shared.results.push(...placed);
    return placed;
  };
  const ran = () => {
    const safe = plan.mode === 'sync' ? 'remote.runSyncSafe' : 'remote.runAsyncSafe';
    const how = { site, shared: budget.shared !== undefined };
    if (isSafe === true) return call(safe, input, { ...how, timeout: attemptMs(plan, commands, hosts.length) });
    return call(plan.mode === 'sync' ? 'remote.runSync' : 'remote.runAsync', input, how);
  };
  try {
    const packed = await ran();
    return { results: gather(unpackResults(hosts, commands, packed)), timeUp: packed.timeUp === true };
  } catch (error) {
    const packed = cameOutOf(error);
    if (packed) gather(unpackResults(hosts, commands, packed));
    if (isSafe === true || !wasLeftAlone(error)) throw error;
    const unknown = new Set(hosts);
    try {
      const { left, never } = await endCommands({ ...where, commands: commands.length }, site);
      for (const host of never === '' ? [] : expand(never)) unknown.delete(host);
      if (left.length > 0) throw new OpsError('unknown', 'STILL_RUNNING', `cancelled, but ${left.join('; ')}`);
    } finally {
      gather([...unknown].map((host) => lost(host, commands[0]?.command ?? '')));
    }
    throw new CancelledFailure('cancelled', [], error);
  }
}

/** What an activity that was cancelled had done until then. */
function cameOutOf(error: unknown): SliceResult | undefined {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  if (cause instanceof CancelledFailure) return cause.details.find(isSliceResult);
  return cause instanceof ApplicationFailure
    ? (cause.details ?? []).map((detail) => (detail as { result?: unknown } | null)?.result).find(isSliceResult)
    : undefined;
}

const isSliceResult = (value: unknown): value is SliceResult =>
  typeof value === 'object' && value !== null && 'rows' in value;

const lost = (host: string, command: string): HostResult => ({
  ...{ host, command, index: 0, exitCode: null, output: '', truncatedBytes: 0, durationMs: 0, ok: false },
  error: {
    kind: 'unknown',
    code: resultCodes.cancelled,
    message: `${host}: how far it came is unknown, no worker was at it when the run was cancelled`,
  },
});

/** Cancelled while a worker was at it, the attempt itself ends what it began; between attempts, and once that worker died or shut down, nobody does. */
const wasLeftAlone = (error: unknown): error is ActivityFailure =>
  error instanceof ActivityFailure &&
  (error.cause instanceof CancelledFailure
    ? error.cause.details.includes('ACTIVITY_ID_NOT_STARTED')
    : error.retryState === 'CANCEL_REQUESTED' && !isUnknownOutcome(error));

async function endCommands(
  input: InputOf<'remote.endCommands'>,
  site: string | undefined,
): Promise<OutputOf<'remote.endCommands'>> {
  // However small the configured fan-out is, and should none of the hosts answer.
  const timeout = 300_000 + Math.ceil(input.hosts.length / 16) * input.commands * 20_000;
  const ended = await uncancellable(() => call('remote.endCommands', input, { site, timeout }));
  // Histories of before hold the first part only.
  return Array.isArray(ended) ? { left: ended as string[], never: '' } : ended;
}

/** Bound of one attempt at safe commands: all of them, wave after wave, with the rests and the waiting between. */
function attemptMs(plan: Plan, commands: readonly HostCommand[], hosts: number): number {
  // However small the configured fan-out is.
  const waves = Math.ceil(hosts / Math.min(plan.batchSize ?? 16, 16));
  const each = commands.reduce((sum, { timeoutMs = longestRead }) => sum + timeoutMs + (plan.patienceMs ?? 30_000), 0);
  const all = waves * (each + plan.batchSleepMs * commands.length) + 60_000;
  return Math.min(all, longestAttempt, plan.globalTimeoutMs === undefined ? all : plan.globalTimeoutMs + 60_000);
}
