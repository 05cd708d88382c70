import { type Duration, formatMs, toMs } from './duration.ts';
import { OpsError, isOpsError } from './errors.ts';
import type { Execution, Mode } from './execution.ts';
import type { HostCommand } from './remote-result.ts';

/** A command, or its text. */
export type CommandSpec = string | { command: string; timeout?: Duration; okCodes?: readonly number[] };

/** How commands are run on hosts. */
export interface RunSyncOptions {
  commands: readonly CommandSpec[];
  /**
   * sync: each command on all hosts before the next, which only those get on which it succeeded. async: each host through
   * all commands, up to the first that fails there. Default that of the method.
   */
  mode?: Mode;
  /**
   * Most hosts under way at a time, as a number from 1 or as a percentage of all such as `25%`, rounded half to even; when
   * one ends the next starts. Default all, as many at a time as `ssh.fanout` says.
   */
  batchSize?: number | `${number}%`;
  /** Rest between the end of a host and the start of the next; default none. */
  batchSleep?: Duration;
  /**
   * Part of all hosts that have to succeed, 0 to 1; default 1. Once it cannot be met no further host starts; those that
   * have started finish. When it is met, hosts that failed are no error: the results tell of them.
   */
  successThreshold?: number;
  /** For all of it, from the call on, time without a worker included; commands under way are ended then. Default none. */
  globalTimeout?: Duration;
  /** They change nothing: may be repeated, on all hosts when a worker dies, and run in a `read` and in a dry run. Default false. */
  isSafe?: boolean;
  /** Of each command on each host, from before the connection; default none. */
  timeout?: Duration;
  /** Exit statuses that count as success, 0 to 255; empty: all. Default 0. */
  okCodes?: readonly number[];
  /** Run as this user, by sudo. */
  user?: string;
  /** Exported before each command; no secrets, as it shows in the history and on the hosts. */
  env?: Readonly<Record<string, string>>;
  /** Standard input of each command; no secrets, as it shows in the history. */
  stdin?: string;
  /** For how long a host may stay unreachable before it counts as failed; default 5m, for safe commands 30s. */
  patience?: Duration;
  /** The same for a host on which nothing may have been started so far; default as long as {@link patience}. */
  startPatience?: Duration;
  /** Of a single host: whoever follows the run sees what it says while it says it, at most some KiB a second. Default false. */
  live?: boolean;
  /**
   * Called with how it went so far: in mode sync after each command but the last, and in both when the run is cancelled after
   * something was sent.
   */
  onReport?: (soFar: Execution) => void;
}

/** Options that were checked, in numbers. */
export interface Plan {
  mode: Mode;
  commands: HostCommand[];
  batchSize?: number;
  batchSleepMs: number;
  successThreshold: number;
  /** How many hosts may fail before the threshold cannot be met. */
  failuresAllowed: number;
  globalTimeoutMs?: number;
  patienceMs?: number;
  startPatienceMs?: number;
}

/**
 * Checks options before anything is started.
 * @param total number of hosts
 * @throws OPTION_INVALID naming the option, its value and the way out
 */
export function planOf(options: RunSyncOptions, total: number, defaultMode: Mode): Plan {
  const { mode = defaultMode, batchSleep, successThreshold = 1, globalTimeout, patience, startPatience } = options;
  if (!['sync', 'async'].includes(mode)) throw invalid('mode', mode, "is neither 'sync' nor 'async'");
  if (!(successThreshold >= 0 && successThreshold <= 1))
    throw invalid('successThreshold', successThreshold, 'is not a number from 0 to 1, such as 0.9 for 90 %');
  const batchSize = batchSizeOf(options.batchSize, total);
  const globalTimeoutMs = positiveMs('globalTimeout', globalTimeout);
  const patienceMs = patience === undefined ? undefined : lengthMs('patience', patience);
  return {
    mode,
    commands: commandsOf(options),
    ...(batchSize === undefined ? {} : { batchSize }),
    batchSleepMs: batchSleep === undefined ? 0 : lengthMs('batchSleep', batchSleep),
    successThreshold,
    failuresAllowed: failuresAllowed(total, successThreshold),
    ...(globalTimeoutMs === undefined ? {} : { globalTimeoutMs }),
    ...(patienceMs === undefined ? {} : { patienceMs }),
    ...(startPatience === undefined ? {} : { startPatienceMs: lengthMs('startPatience', startPatience) }),
  };
}

function commandsOf({ commands, timeout, okCodes }: RunSyncOptions): HostCommand[] {
  if (commands.length === 0) throw invalid('commands', '', 'are none: give at least one');
  return commands.map((spec) => {
    const own = typeof spec === 'string' ? { command: spec } : spec;
    if (own.command.trim() === '') throw invalid('commands', own.command, 'is an empty command');
    const timeoutMs = positiveMs('timeout', own.timeout ?? timeout);
    const codes = own.okCodes ?? okCodes;
    const wrong = codes?.find((code) => !Number.isInteger(code) || code < 0 || code > 255);
    if (wrong !== undefined)
      throw invalid('okCodes', wrong, 'is not an exit status: those are whole numbers from 0 to 255');
    return {
      command: own.command,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(codes === undefined ? {} : { okCodes: codes }),
    };
  });
}

function batchSizeOf(batchSize: RunSyncOptions['batchSize'], total: number): number | undefined {
  if (batchSize === undefined || total === 0) return undefined;
  const wanted = 'is neither a whole number from 1 nor a percentage up to 100% such as 25%';
  if (typeof batchSize === 'number') {
    if (!Number.isInteger(batchSize) || batchSize < 1) throw invalid('batchSize', batchSize, wanted);
    return Math.min(batchSize, total);
  }
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(batchSize) ?? [];
  if (percent === undefined || Number(percent) > 100) throw invalid('batchSize', batchSize, wanted);
  const size = roundHalfEven((Number(percent) / 100) * total);
  if (size === 0)
    throw invalid('batchSize', batchSize, `of ${total} hosts is no host: give a number, or a larger percentage`);
  return size;
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest === 0.5 ? below + (below % 2) : rest > 0.5 ? below + 1 : below;
}

/** How many of all hosts may fail before the threshold cannot be met. */
function failuresAllowed(total: number, successThreshold: number): number {
  let failures = Math.min(total, Math.ceil(total * (1 - successThreshold)) + 1);
  while (failures > 0 && (total - failures) / total < successThreshold) failures--;
  return failures;
}

function positiveMs(option: string, value: Duration | undefined): number | undefined {
  if (value === undefined) return undefined;
  const ms = lengthMs(option, value);
  if (ms === 0) throw invalid(option, value, 'is no time at all: leave it out for none');
  return ms;
}

/** Timers take no more. */
const longestMs = 365 * 86_400_000;

function lengthMs(option: string, value: Duration): number {
  let ms: number;
  try {
    ms = toMs(value);
  } catch (error) {
    throw isOpsError(error)
      ? invalid(option, value, 'is not a length of time: write for example 90s, 40m or 4h')
      : error;
  }
  if (ms > longestMs) throw invalid(option, value, `is longer than ${formatMs(longestMs)}`);
  return ms;
}

const invalid = (option: string, value: unknown, what: string) =>
  new OpsError('usage', 'OPTION_INVALID', `${option}${value === '' ? '' : `: ${JSON.stringify(value)}`} ${what}`, {
    option,
    value,
  });
