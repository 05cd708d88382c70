import { OpsError } from './errors.ts';
import { fold, sorted } from './host-set.ts';
import { type HostCommand, type HostResult, groupBy, resultCodes } from './remote-result.ts';

/**
 * sync: each command on all hosts before the next one, which only those get on which it succeeded.
 * async: each host its own way through the commands, up to the first that fails there.
 */
export type Mode = 'sync' | 'async';

/** How commands went on hosts; what Cumin's report tells of. */
export interface Execution {
  mode: Mode;
  /** All it was for, in natural order. */
  hosts: readonly string[];
  commands: readonly HostCommand[];
  /** Command by command, hosts in natural order; none of what was not begun. */
  results: readonly HostResult[];
  /** Part of all hosts that have to succeed, 0 to 1. */
  successThreshold: number;
  /** When the time for all of it was up before all was done. */
  globalTimeout?: Met;
  /** When the run was cancelled before all was done. */
  cancelled?: Met;
}

/** Whom the end of an execution met before all was done. */
export interface Met {
  /** Place of the command under way; in mode async of the furthest one. */
  command: number;
  executing: readonly string[];
  /** Hosts on which that command, in mode async the first one, was still to begin. */
  pending: readonly string[];
}

/** Hosts by how one command ended there, each in natural order. */
interface States {
  success: string[];
  failed: string[];
  timeout: string[];
  /** It was for them too, but nothing of it was sent there. */
  notContacted: string[];
}

const timeouts = new Set(['COMMAND_TIMEOUT', 'GLOBAL_TIMEOUT', 'STILL_RUNNING']);

/** Whether its time was up before it ended. */
export const isTimeout = ({ error }: Pick<HostResult, 'error'>): boolean =>
  error !== undefined && timeouts.has(error.code);

/** Hosts by how the command in this place ended; those that failed before it are in none of them. */
export function statesOf({ hosts, results }: Execution, index: number): States {
  const states: States = { success: [], failed: [], timeout: [], notContacted: [] };
  const at = new Map(results.filter((result) => result.index === index).map((result) => [result.host, result]));
  const before = new Set(results.filter((result) => result.index < index && !result.ok).map(({ host }) => host));
  for (const host of hosts) {
    const result = at.get(host);
    if (result) states[result.ok ? 'success' : isTimeout(result) ? 'timeout' : 'failed'].push(host);
    else if (!before.has(host)) states.notContacted.push(host);
  }
  return states;
}

/** Hosts on which all commands succeeded. */
export const succeeded = (execution: Execution): string[] => statesOf(execution, execution.commands.length - 1).success;

/** Hosts to which no command was sent at all. */
export function notContacted({ hosts, results }: Execution): string[] {
  const contacted = new Set(results.map(({ host }) => host));
  return hosts.filter((host) => !contacted.has(host));
}

/** Whom the time-out met that ended an execution. */
export const globalTimeoutOf = (execution: Execution): Met => metBy(execution, ['GLOBAL_TIMEOUT']);

/** Whom the cancellation of its run met. */
export const cancellationOf = (execution: Execution): Met => metBy(execution, cancellations);

const cancellations = [resultCodes.cancelled, 'STILL_RUNNING'];

/** Whether it was under way when the run was cancelled. */
export const wasCancelled = ({ cancelled }: Execution, { error }: Pick<HostResult, 'error'>): boolean =>
  cancelled !== undefined && error !== undefined && cancellations.includes(error.code);

function metBy(execution: Execution, codes: readonly string[]): Met {
  const { mode, hosts, results } = execution;
  const met = new Set(results.filter(({ error }) => error && codes.includes(error.code)).map(({ host }) => host));
  const executing = hosts.filter((host) => met.has(host));
  const furthest = results.reduce((most, { index }) => Math.max(most, index), 0);
  if (mode === 'async') return { command: furthest, executing, pending: notContacted(execution) };
  const pending = statesOf(execution, furthest).notContacted;
  if (executing.length + pending.length > 0) return { command: furthest, executing, pending };
  return { command: furthest + 1, executing, pending: statesOf(execution, furthest + 1).notContacted };
}

/** Cumin's status: 0 all commands on all hosts, 1 not all but the threshold is met, 2 below the threshold. */
export function passed(execution: Execution): 0 | 1 | 2 {
  const [count, total] = [succeeded(execution).length, execution.hosts.length];
  return count === total ? 0 : count / total >= execution.successThreshold ? 1 : 2;
}

/** Fewer hosts succeeded than had to (Spicerack's RemoteExecutionError). */
export class RemoteExecutionError extends OpsError {
  readonly execution: Execution;
  /** What all hosts said, those that succeeded too. */
  readonly results: readonly HostResult[];
  /** Hosts on which a command failed. */
  readonly hosts: readonly string[];
  /** Hosts to which no command was sent at all. */
  readonly notContacted: readonly string[];

  constructor(execution: Execution) {
    const failed = execution.results.filter(({ ok }) => !ok);
    const hosts = sorted(failed.map(({ host }) => host));
    const left = notContacted(execution);
    const kind = failed.some(({ error }) => error?.kind === 'unknown') ? 'unknown' : 'failed';
    super(kind, 'REMOTE_EXECUTION_FAILED', describe(execution, failed, hosts, left), { hosts, notContacted: left });
    this.execution = execution;
    this.results = execution.results;
    this.hosts = hosts;
    this.notContacted = left;
  }
}

const mostGroups = 5;
const mostNames = 500;

/** Folded names, no longer than a person reads. */
export function named(hosts: readonly string[]): string {
  const text = fold(hosts);
  return text.length <= mostNames ? text : `${text.slice(0, mostNames)}... (${hosts.length} hosts)`;
}

function describe(
  execution: Execution,
  failed: readonly HostResult[],
  hosts: readonly string[],
  left: string[],
): string {
  const total = execution.hosts.length;
  const commands = new Set(failed.map(({ index }) => index));
  const [first] = failed;
  const name = ({ command }: HostResult) => `'${command}'`;
  const groups = groupBy(failed, (result) => `${result.index} ${how(result)}`).map((group) => {
    const one = group[0] as HostResult;
    return `${named(group.map(({ host }) => host))}: ${commands.size > 1 ? `${name(one)}: ` : ''}${how(one)}`;
  });
  const more = groups.length > mostGroups ? [`and ${groups.length - mostGroups} more`] : [];
  const where = total === 1 ? '' : ` on ${hosts.length} of ${total} hosts`;
  const what = !first ? 'the global time-out passed' : `${commands.size > 1 ? 'commands' : name(first)} failed${where}`;
  const rest = left.length === 0 ? [] : [`${named(left)} not contacted`];
  return [
    ...(groups.length > 0 ? [`${what}: ${groups.slice(0, mostGroups).join('; ')}`] : [what]),
    ...more,
    ...rest,
  ].join('; ');
}

function how({ host, exitCode, signal, error, output }: HostResult): string {
  if (error) return error.message.replace(new RegExp(`^${host.replaceAll('.', '\\.')}: `), '');
  const tail = output.trim().slice(-500);
  return `${exitCode === null ? `ended by ${signal ?? 'a signal'}` : `exit status ${exitCode}`}${tail === '' ? '' : `: ${tail}`}`;
}
