import { type ErrorKind, OpsError } from './errors.ts';
import { fold, sorted } from './host-set.ts';

/** A command for hosts. */
export interface HostCommand {
  command: string;
  /** Milliseconds on each host, from before the connection; none by default. */
  timeoutMs?: number;
  /** Exit statuses that count as success; empty: all. Default 0. */
  okCodes?: readonly number[];
}

/** How one command ended on one host. */
export interface HostResult {
  host: string;
  command: string;
  /** Absent when no exit status became known. */
  exitCode: number | null;
  /** Signal that ended it, for example `SIGKILL`. */
  signal?: string;
  /** Standard output and error as they came; long output around a line that says how much was left out. */
  output: string;
  truncatedBytes: number;
  /** Of the whole output, when it is not in `output`. */
  digest?: string;
  durationMs: number;
  /** Whether the exit status is one that counts as success. */
  ok: boolean;
  /** Why no exit status became known. */
  error?: { kind: ErrorKind; code: string; message: string };
}

/** Results of a slice of hosts as they travel: each distinct output once. */
export interface SliceResult {
  results: (Omit<HostResult, 'output' | 'truncatedBytes' | 'digest' | 'command' | 'ok'> & {
    /** Places in `commands` and `outputs`. */
    command: number;
    output: number;
  })[];
  outputs: { text: string; truncatedBytes: number; digest?: string }[];
}

/** The results of a slice, one by one. */
export const unpack = (commands: readonly HostCommand[], { results, outputs }: SliceResult): HostResult[] =>
  results.map(({ command, output, ...rest }) => {
    const spec = commands[command] ?? { command: '' };
    const { text = '', truncatedBytes = 0, digest } = outputs[output] ?? {};
    const said = { output: text, truncatedBytes, ...(digest !== undefined && { digest }) };
    return { ...rest, ...said, command: spec.command, ok: isOk(rest, spec) };
  });

/** Whether a command succeeded. */
export const isOk = ({ exitCode, error }: Pick<HostResult, 'exitCode' | 'error'>, { okCodes = [0] }: HostCommand) =>
  error === undefined && (okCodes.length === 0 || (exitCode !== null && okCodes.includes(exitCode)));

/** Results that are alike in what `key` tells of them, in the order of their first host. */
export function groupBy(results: readonly HostResult[], key: (result: HostResult) => string): HostResult[][] {
  const groups = new Map<string, HostResult[]>();
  for (const result of results) {
    const name = key(result);
    const group = groups.get(name);
    if (group) group.push(result);
    else groups.set(name, [result]);
  }
  return [...groups.values()];
}

/** A command failed on hosts (Spicerack's RemoteExecutionError). */
export class RemoteExecutionError extends OpsError {
  /** What all hosts said, those that succeeded too. */
  readonly results: readonly HostResult[];
  /** Hosts on which it failed. */
  readonly hosts: readonly string[];

  /**
   * @param failed results that are no success, at least one
   * @param total number of hosts the command was for
   */
  constructor(failed: readonly HostResult[], results: readonly HostResult[], total: number) {
    const hosts = sorted(failed.map(({ host }) => host));
    const unknown = failed.some(({ error }) => error?.kind === 'unknown');
    super(unknown ? 'unknown' : 'failed', 'REMOTE_EXECUTION_FAILED', describe(failed, hosts.length, total), { hosts });
    this.results = results;
    this.hosts = hosts;
  }
}

const mostGroups = 5;

function describe(failed: readonly HostResult[], hosts: number, total: number): string {
  const groups = groupBy(failed, how).map(
    (group) => `${fold(group.map(({ host }) => host))}: ${how(group[0] as HostResult)}`,
  );
  const more = groups.length > mostGroups ? [`and ${groups.length - mostGroups} more`] : [];
  const where = total === 1 ? '' : ` on ${hosts} of ${total} hosts`;
  return `'${failed[0]?.command ?? ''}' failed${where}: ${[...groups.slice(0, mostGroups), ...more].join('; ')}`;
}

function how({ host, exitCode, signal, error, output }: HostResult): string {
  if (error) return error.message.replace(new RegExp(`^${host.replaceAll('.', '\\.')}: `), '');
  const tail = output.trim().slice(-500);
  return `${exitCode === null ? `ended by ${signal ?? 'a signal'}` : `exit status ${exitCode}`}${tail === '' ? '' : `: ${tail}`}`;
}
