import { ActivityFailure, CancelledFailure, uuid4 } from '@temporalio/workflow';
import type { InputOf } from '../../activities/index.ts';
import { toMs, type Duration } from '../../src/model/duration.ts';
import { OpsError } from '../../src/model/errors.ts';
import { type Execution, RemoteExecutionError } from '../../src/model/execution.ts';
import { sorted } from '../../src/model/host-set.ts';
import { type HostCommand, type HostResult, unpack } from '../../src/model/remote-result.ts';
import { call } from '../engine/call.ts';
import { isUnknownOutcome } from '../engine/failure.ts';
import { uncancellable } from '../engine/hold.ts';
import { currentRun } from '../engine/run-state.ts';

/** A command, or its text. */
export type CommandSpec = string | { command: string; timeout?: Duration; okCodes?: readonly number[] };

/** How commands are run on hosts. */
export interface RunSyncOptions {
  commands: readonly CommandSpec[];
  /** They change nothing: may be repeated, run in a `read` and in a dry run. Default false. */
  isSafe?: boolean;
  /** Of each command on each host, from before the connection; default none. */
  timeout?: Duration;
  /** Exit statuses that count as success; empty: all. Default 0. */
  okCodes?: readonly number[];
  /** Run as this user, by sudo. */
  user?: string;
  /** Exported before each command; no secrets, as it shows in the history and on the hosts. */
  env?: Readonly<Record<string, string>>;
  /** Standard input of each command; no secrets, as it shows in the history. */
  stdin?: string;
  /** For how long a host may stay unreachable before it counts as failed; default 5m, for safe commands 30s. */
  patience?: Duration;
}

/** How the hosts of a query are worked on. */
export interface RemoteOptions {
  /** Prefix every command with sudo. */
  useSudo?: boolean;
  /** Reach them while their installer runs. */
  installer?: boolean;
}

/** Which hosts a query may give, and how they are worked on. */
export interface QueryOptions extends RemoteOptions {
  /** Take a query that gives no host. */
  allowEmpty?: boolean;
  /** Refuse a query that gives more; `--max-hosts`, else the configuration's `max_hosts`, counts too. */
  maxHosts?: number;
}

/** Hosts of one network, few enough for one activity. */
export interface HostSlice {
  site: string | undefined;
  hosts: string[];
}

/** Bound of an attempt at safe commands that have no time-out of their own. */
const longestRead = 3_600_000;

/**
 * Runs commands one by one on all slices, until one fails.
 * @throws RemoteExecutionError
 */
export async function runSync(
  slices: readonly HostSlice[],
  options: RunSyncOptions,
  remote: RemoteOptions,
): Promise<Execution> {
  const commands = commandsOf(options);
  const hosts = sorted(slices.flatMap((slice) => slice.hosts));
  // Several slices wait for each other between the commands.
  const groups = slices.length === 1 ? [commands] : commands.map((command) => [command]);
  const all: HostResult[] = [];
  const execution: Execution = { mode: 'sync', hosts, commands, results: all, successThreshold: 1 };
  for (const [place, group] of groups.entries()) {
    const parts = await Promise.allSettled(slices.map((slice) => runSlice(slice, group, options, remote)));
    // Only once all have ended: what is undone next must not meet commands still under way.
    const reasons = parts.flatMap((part): unknown[] => (part.status === 'rejected' ? [part.reason] : []));
    if (reasons.length > 0) throw reasons.find(isUnknownOutcome) ?? reasons[0];
    const results = parts.flatMap((part): HostResult[] => (part.status === 'fulfilled' ? part.value : []));
    all.push(...results.map((result) => ({ ...result, index: result.index + place })));
    if (all.every(({ ok }) => ok)) continue;
    if (options.isSafe === true && currentRun().context.dryRun) break;
    throw new RemoteExecutionError(execution);
  }
  return execution;
}

async function runSlice(
  { hosts, site }: HostSlice,
  commands: HostCommand[],
  { user, env, stdin, patience, isSafe }: RunSyncOptions,
  { useSudo, installer }: RemoteOptions,
): Promise<HostResult[]> {
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
    ...(env === undefined ? {} : { env }),
    ...(stdin === undefined ? {} : { stdin }),
    ...(patience === undefined ? {} : { patienceMs: toMs(patience) }),
  };
  if (isSafe === true)
    return unpack(
      commands,
      await call('remote.runSyncSafe', input, { site, timeout: attemptMs(commands, hosts.length) }),
    );
  try {
    return unpack(commands, await call('remote.runSync', input, { site }));
  } catch (error) {
    if (wasBetweenAttempts(error)) await endCommands({ ...where, commands: commands.length }, site);
    throw error;
  }
}

/** Cancelled while a worker was at it, the attempt itself ends what it began; between attempts nobody does. */
const wasBetweenAttempts = (error: unknown): boolean =>
  error instanceof ActivityFailure &&
  error.cause instanceof CancelledFailure &&
  error.cause.details.includes('ACTIVITY_ID_NOT_STARTED');

async function endCommands(input: InputOf<'remote.endCommands'>, site: string | undefined): Promise<void> {
  const left = await uncancellable(() => call('remote.endCommands', input, { site, timeout: '5m' }));
  if (left.length > 0) throw new OpsError('unknown', 'STILL_RUNNING', `cancelled, but ${left.join('; ')}`);
}

/** The arguments of `runSync` in either form. */
export const optionsOf = (args: readonly CommandSpec[] | readonly [RunSyncOptions]): RunSyncOptions => {
  const [first] = args;
  return typeof first === 'object' && 'commands' in first ? first : { commands: args as readonly CommandSpec[] };
};

const commandsOf = ({ commands, timeout, okCodes }: RunSyncOptions): HostCommand[] =>
  commands.map((spec) => {
    const own = typeof spec === 'string' ? { command: spec } : spec;
    const limit = own.timeout ?? timeout;
    const codes = own.okCodes ?? okCodes;
    return {
      command: own.command,
      ...(limit === undefined ? {} : { timeoutMs: toMs(limit) }),
      ...(codes === undefined ? {} : { okCodes: codes }),
    };
  });

/** Time for all commands one after the other on two waves of hosts, and for the connections. */
const attemptMs = (commands: readonly HostCommand[], hosts: number): number =>
  commands.reduce((sum, { timeoutMs = longestRead }) => sum + timeoutMs * Math.ceil(hosts / 64), 60_000);
