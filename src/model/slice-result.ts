import { type HostCommand, type HostResult, isOk } from './remote-result.ts';

/** One result as it travels; the numbers are places in the lists of the slice. */
type Row = [
  host: number,
  command: number,
  exitCode: number | null,
  durationMs: number,
  output: number,
  /** -1: none. */
  error?: number,
  signal?: string,
];

/** Results of a slice of hosts as they travel: few bytes a host, each distinct output and error once. */
export interface SliceResult {
  rows: Row[];
  outputs: { text: string; truncatedBytes: number; digest?: string }[];
  errors: NonNullable<HostResult['error']>[];
  /** The time for all was up before all was done. */
  timeUp?: true;
}

/** Results as they travelled before they were packed so closely; histories of that time hold them. */
interface FormerResult {
  results: (Omit<PlacedResult, 'index'> & { command: number })[];
  outputs: SliceResult['outputs'];
}

/** A result whose output is one of a list. */
export type PlacedResult = Pick<HostResult, 'host' | 'index' | 'exitCode' | 'signal' | 'durationMs' | 'error'> & {
  output: number;
};

// Stands for the host's name in an error, so that the same error of many hosts travels once.
const self = '\x1e';
/** Most of all error texts together, characters. */
const mostErrors = 128 * 1024;
const leastError = 200;

/** Results in few bytes. */
export function packResults(
  hosts: readonly string[],
  results: readonly PlacedResult[],
  outputs: SliceResult['outputs'],
): SliceResult {
  const places = new Map(hosts.map((host, i) => [host, i]));
  const errors = new Map<string, { place: number; error: NonNullable<HostResult['error']> }>();
  const placeOf = (host: string, error: NonNullable<HostResult['error']>): number => {
    const message = error.message.replaceAll(host, self);
    const key = JSON.stringify([error.kind, error.code, message]);
    const known = errors.get(key) ?? { place: errors.size, error: { ...error, message } };
    errors.set(key, known);
    return known.place;
  };
  const rows = results.map(({ host, index, exitCode, durationMs, output, error, signal }): Row => {
    const row: Row = [places.get(host) ?? 0, index, exitCode, durationMs, output];
    if (error || signal !== undefined) row.push(error ? placeOf(host, error) : -1);
    if (signal !== undefined) row.push(signal);
    return row;
  });
  const most = Math.max(leastError, Math.floor(mostErrors / Math.max(1, errors.size)));
  const cut = (text: string) => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);
  const all = [...errors.values()].map(({ error }) => ({ ...error, message: cut(error.message) }));
  return { rows, outputs, errors: all };
}

/** The results of a slice, one by one. */
export function unpackResults(
  hosts: readonly string[],
  commands: readonly HostCommand[],
  packed: SliceResult | FormerResult,
): HostResult[] {
  const { rows, outputs, errors } = 'results' in packed ? packedAnew(hosts, packed) : packed;
  return rows.map(([place, index, exitCode, durationMs, output, errorPlace = -1, signal]) => {
    const host = hosts[place] ?? '';
    const spec = commands[index] ?? { command: '' };
    const { text = '', truncatedBytes = 0, digest } = outputs[output] ?? {};
    const found = errors[errorPlace];
    const error = found && { ...found, message: found.message.replaceAll(self, host) };
    return {
      ...{ host, command: spec.command, index, exitCode, output: text, truncatedBytes, durationMs },
      ...(digest !== undefined && { digest }),
      ...(signal !== undefined && { signal }),
      ...(error && { error }),
      ok: isOk({ exitCode, ...(error && { error }) }, spec),
    };
  });
}

const packedAnew = (hosts: readonly string[], { results, outputs }: FormerResult): SliceResult =>
  packResults(
    hosts,
    results.map(({ command, ...result }) => ({ ...result, index: command })),
    outputs,
  );
