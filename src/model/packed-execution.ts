import type { Execution, Met } from './execution.ts';
import { fairShare } from './fair-share.ts';
import { expand, fold } from './host-set.ts';
import { type SliceResult, packResults, unpackResults } from './slice-result.ts';

type Said = SliceResult['outputs'][number];
type PackedMet = Pick<Met, 'command'> & Record<'executing' | 'pending', string>;

/** An {@link Execution} as a run's result takes it: hosts folded, each distinct output once, all of it within a bound. */
export interface PackedExecution extends Omit<Execution, 'hosts' | 'results' | 'globalTimeout' | 'cancelled'> {
  hosts: string;
  packed: SliceResult;
  globalTimeout?: PackedMet;
  cancelled?: PackedMet;
}

/** Most results, hosts times commands, that fit into what a run hands back. */
export const mostReported = 50_000;

/** Temporal refuses a result of 2 MiB. */
const mostOutput = 1024 * 1024;
const mostInAll = 1.75 * 1024 * 1024;
const bytesPerResult = 32;
/** What travels with an output, and with one that is cut. */
const besideText = 40;
const besideCut = 140;
const leastEach = 300;

const encoder = new TextEncoder();
const bytesOf = (text: string): number => encoder.encode(text).length;
/** As it travels: a control character takes six bytes. */
const sizeOf = ({ text }: Pick<Said, 'text'>): number => bytesOf(JSON.stringify(text));

/** @param most bytes for all outputs; where they are more, each of the longest loses its middle */
export function pack(
  { hosts, results, globalTimeout, cancelled, ...execution }: Execution,
  most = mostOutput,
): PackedExecution {
  const outputs = new Map<string, { place: number; said: Said }>();
  const placed = results.map(({ output: text, truncatedBytes, digest, ...rest }) => {
    const key = `${digest ?? ''} ${text}`;
    const said = { text, truncatedBytes, ...(digest !== undefined && { digest }) };
    const known = outputs.get(key) ?? { place: outputs.size, said };
    outputs.set(key, known);
    return { ...rest, output: known.place };
  });
  const all = [...outputs.values()].map(({ said }) => said);
  const folded = fold(hosts);
  const rest = {
    ...execution,
    hosts: folded,
    ...(globalTimeout && { globalTimeout: foldMet(globalTimeout) }),
    ...(cancelled && { cancelled: foldMet(cancelled) }),
  };
  const room = mostInAll - bytesPerResult * results.length - bytesOf(JSON.stringify(rest));
  const said = fitting(all, Math.min(most, room));
  const fitted = placed.map((one) => ({ ...one, output: Math.min(one.output, said.length - 1) }));
  return { ...rest, packed: packResults(expand(folded), fitted, said) };
}

/** The execution that was packed, but for what its outputs lost. */
export function unpackExecution({
  hosts: folded,
  packed,
  globalTimeout,
  cancelled,
  ...execution
}: PackedExecution): Execution {
  const hosts = expand(folded);
  return {
    ...execution,
    hosts,
    results: unpackResults(hosts, execution.commands, packed),
    ...(globalTimeout && { globalTimeout: expandMet(globalTimeout) }),
    ...(cancelled && { cancelled: expandMet(cancelled) }),
  };
}

const foldMet = ({ command, executing, pending }: Met): PackedMet => ({
  command,
  executing: fold(executing),
  pending: fold(pending),
});
const namesOf = (folded: string): string[] => (folded === '' ? [] : expand(folded));
const expandMet = ({ command, executing, pending }: PackedMet): Met => ({
  command,
  executing: namesOf(executing),
  pending: namesOf(pending),
});

/** Outputs within a bound; of more than can have a part of it the last one stands for all that are left. */
function fitting(outputs: readonly Said[], most: number): Said[] {
  const sizes = outputs.map((said) => sizeOf(said) + besideText);
  const share = Math.max(fairShare(sizes, most), leastEach);
  const fitted: Said[] = [];
  let room = most;
  for (const [place, said] of outputs.entries()) {
    const size = sizes[place] ?? 0;
    room -= Math.min(size, share);
    if (room < 0) return [...fitted, leftOut(outputs.slice(place))];
    fitted.push(size <= share ? said : cut(said, share - besideCut, place));
  }
  return fitted;
}

const leftOut = (outputs: readonly Said[]): Said => ({
  text: '[... left out, there are too many different outputs for one report ...]\n',
  truncatedBytes: outputs.reduce((sum, { text, truncatedBytes }) => sum + truncatedBytes + bytesOf(text), 1),
  digest: 'left out',
});

/** Keeps head and tail; hosts whose outputs were different stay apart. */
function cut({ text, truncatedBytes, digest }: Said, most: number, place: number): Said {
  for (let each = Math.floor(text.length / 2); ; each = Math.floor(each * 0.8)) {
    const head = text.slice(0, each).replace(/[\uD800-\uDBFF]$/, '');
    const tail = text.slice(text.length - each).replace(/^[\uDC00-\uDFFF]/, '');
    if (each > 0 && sizeOf({ text: head + tail }) > most) continue;
    const bytes = truncatedBytes + bytesOf(text) - bytesOf(head) - bytesOf(tail);
    const said = `${head}\n[... ${bytes} bytes left out ...]\n${tail}`;
    return { text: said, truncatedBytes: bytes, digest: digest ?? `output ${place}` };
  }
}
