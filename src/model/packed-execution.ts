import type { Execution } from './execution.ts';
import { expand, fold } from './host-set.ts';
import type { HostResult } from './remote-result.ts';

type Said = Pick<HostResult, 'output' | 'truncatedBytes' | 'digest'>;

/** An {@link Execution} as a run's result takes it: hosts folded, each distinct output once, all outputs within a bound. */
export interface PackedExecution extends Omit<Execution, 'hosts' | 'results'> {
  hosts: string;
  outputs: Said[];
  /** Place of the host, of the command and of the output. */
  results: (Omit<HostResult, 'host' | 'command' | 'index' | keyof Said> & { at: [number, number, number] })[];
}

/** Temporal refuses a result of 2 MiB. */
const mostBytes = 1024 * 1024;

const encoder = new TextEncoder();
const bytesOf = (text: string): number => encoder.encode(text).length;
/** As it travels: a control character takes six bytes. */
const sizeOf = ({ output }: Pick<Said, 'output'>): number => bytesOf(JSON.stringify(output));

/** @param most bytes for all outputs; where they are more, each of the longest loses its middle */
export function pack({ hosts, results, ...execution }: Execution, most = mostBytes): PackedExecution {
  const outputs = new Map<string, { place: number; said: Said }>();
  const folded = fold(hosts);
  const places = new Map(expand(folded).map((host, place) => [host, place]));
  const packed = results.map(({ host, command: _, index, output, truncatedBytes, digest, ...rest }) => {
    const key = `${digest ?? ''} ${output}`;
    const said = { output, truncatedBytes, ...(digest !== undefined && { digest }) };
    const known = outputs.get(key) ?? { place: outputs.size, said };
    outputs.set(key, known);
    return { ...rest, at: [places.get(host) ?? 0, index, known.place] as [number, number, number] };
  });
  const all = [...outputs.values()].map(({ said }) => said);
  return { ...execution, hosts: folded, outputs: fitting(all, most), results: packed };
}

/** The execution that was packed, but for what its outputs lost. */
export function unpackExecution({ hosts: folded, outputs, results, ...execution }: PackedExecution): Execution {
  const hosts = expand(folded);
  const unpacked = results.map(({ at: [host, index, place], ...rest }): HostResult => {
    const said = outputs[place] ?? { output: '', truncatedBytes: 0 };
    return { ...rest, ...said, host: hosts[host] ?? '', index, command: execution.commands[index]?.command ?? '' };
  });
  return { ...execution, hosts, results: unpacked };
}

function fitting(outputs: readonly Said[], most: number): Said[] {
  const sizes = outputs.map(sizeOf);
  const share = fairShare(sizes, most);
  return outputs.map((said, place) => ((sizes[place] ?? 0) <= share ? said : cut(said, share, place)));
}

/** The most each may have so that all together stay within the bound. */
function fairShare(sizes: readonly number[], most: number): number {
  let room = most;
  const ascending = [...sizes].sort((a, b) => a - b);
  for (const [i, size] of ascending.entries()) {
    const share = Math.floor(room / (ascending.length - i));
    if (size > share) return share;
    room -= size;
  }
  return most;
}

/** Keeps head and tail; hosts whose outputs were different stay apart. */
function cut({ output, truncatedBytes, digest }: Said, most: number, place: number): Said {
  for (let each = Math.floor(output.length / 2); ; each = Math.floor(each * 0.8)) {
    const head = output.slice(0, each).replace(/[\uD800-\uDBFF]$/, '');
    const tail = output.slice(output.length - each).replace(/^[\uDC00-\uDFFF]/, '');
    if (each > 0 && sizeOf({ output: head + tail }) > most) continue;
    const bytes = truncatedBytes + bytesOf(output) - bytesOf(head) - bytesOf(tail);
    const said = `${head}\n[... ${bytes} bytes left out ...]\n${tail}`;
    return { output: said, truncatedBytes: bytes, digest: digest ?? `output ${place}` };
  }
}
