import type { ErrorKind } from './errors.ts';

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
  /** Place of the command among those that were run together. */
  index: number;
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

/** Codes of a command that was under way when its run was cancelled, and of one that was never sent to its host. */
export const resultCodes = { cancelled: 'CANCELLED', notSent: 'NOT_CONTACTED' } as const;

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
