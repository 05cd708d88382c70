import { createHash } from 'node:crypto';
import { fairShare } from '../model/fair-share.ts';

/** Most of one host's output that goes into a result, bytes. */
export const mostPerHost = 32 * 1024;
/** Most of all outputs of a slice of hosts together, bytes as they travel. */
export const mostPerSlice = 256 * 1024;
/** Of the line about what was left out, which does not count. */
const longestNotice = 64;

/** As it travels: a control character takes six bytes, a quote two. */
const encodedBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2;

/** Output as it goes into a result. */
export interface Output {
  /** The whole, or its head and tail around a line that says how much was left out. */
  text: string;
  truncatedBytes: number;
  /** Of the whole, when something was left out. */
  digest?: string;
}

/** Takes in any amount of output and keeps its head and its tail. */
export class Capture {
  #head: Buffer[] = [];
  #headBytes = 0;
  /** What came after the head, each byte in the place of the one 32 KiB before: a new tail for each chunk would be more garbage than output. */
  #ring: Buffer | undefined;
  #total = 0;
  readonly #hash = createHash('sha256');

  get total(): number {
    return this.#total;
  }

  push(chunk: Buffer): void {
    const beyond = this.#total - this.#headBytes;
    this.#total += chunk.length;
    this.#hash.update(chunk);
    const fits = chunk.subarray(0, mostPerHost - this.#headBytes);
    if (fits.length > 0) {
      this.#head.push(Buffer.from(fits));
      this.#headBytes += fits.length;
    }
    if (fits.length === chunk.length) return;
    this.#ring ??= Buffer.alloc(mostPerHost);
    const rest = chunk.subarray(fits.length);
    const last = rest.subarray(-mostPerHost);
    const copied = last.copy(this.#ring, (beyond + rest.length - last.length) % mostPerHost);
    last.copy(this.#ring, 0, copied);
  }

  /** The first and the last bytes, at most 32 KiB each. */
  get #kept(): Buffer {
    const beyond = this.#total - this.#headBytes;
    const at = beyond % mostPerHost;
    const ring = this.#ring ?? Buffer.alloc(0);
    const older = ring.subarray(beyond < mostPerHost ? ring.length : at);
    return Buffer.concat([...this.#head, older, ring.subarray(0, at)]);
  }

  /** The last bytes, at most 32 KiB. */
  end(most: number): Buffer {
    return this.#kept.subarray(-Math.min(most, mostPerHost));
  }

  /** Same for byte-identical outputs, whatever their length. */
  digest(): string {
    return `${this.#total}:${this.#hash.copy().digest('base64')}`;
  }

  /** Bytes this output would take, as it travels, if there were no other. */
  get wanted(): number {
    return encodedBytes(this.output(mostPerHost).text);
  }

  /** As {@link output}, of at most `most` bytes as it travels. */
  fitting(most: number): Output {
    for (let bytes = Math.min(most, mostPerHost); ; bytes = Math.floor(bytes * 0.8)) {
      const output = this.output(bytes);
      if (bytes === 0 || encodedBytes(output.text) <= most + longestNotice) return output;
    }
  }

  /** Valid UTF-8 of at most `most` bytes, not counting the line about what was left out. */
  output(most: number): Output {
    const kept = this.#kept;
    if (this.#total <= most) {
      const text = kept.toString('utf8');
      if (Buffer.byteLength(text) <= most) return { text, truncatedBytes: 0 };
    }
    const half = cut(kept, Math.floor(most / 2));
    // What is none of UTF-8 becomes three bytes a byte.
    const [head, tail] = half.some((part) => Buffer.byteLength(part.toString('utf8')) > part.length)
      ? cut(kept, Math.floor(most / 6))
      : half;
    const truncatedBytes = this.#total - head.length - tail.length;
    const text = `${head.toString('utf8')}\n[... ${truncatedBytes} bytes left out ...]\n${tail.toString('utf8')}`;
    return { text, truncatedBytes, digest: this.digest() };
  }
}

/** The first and the last bytes, cut between characters. */
const cut = (bytes: Buffer, each: number): [Buffer, Buffer] => [
  wholeCharacters(bytes.subarray(0, each)),
  fromCharacter(bytes.subarray(-each)),
];

/** Cuts an unfinished character off the end. */
function wholeCharacters(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}

/** Cuts the rest of a character off the beginning. */
function fromCharacter(bytes: Buffer): Buffer {
  let from = 0;
  while (from < Math.min(3, bytes.length) && ((bytes[from] ?? 0) & 0xc0) === 0x80) from++;
  return bytes.subarray(from);
}

/**
 * Shares the room of a slice out among its outputs: equal ones once, short ones whole, the others equal parts of what
 * is left.
 * @returns the distinct outputs, and for each capture which of them is its own
 */
export function shareOut(captures: readonly Capture[]): { outputs: Output[]; of: number[] } {
  const distinct = new Map<string, { capture: Capture; index: number }>();
  const of = captures.map((capture) => {
    const digest = capture.digest();
    const known = distinct.get(digest);
    if (known) return known.index;
    const index = distinct.size;
    distinct.set(digest, { capture, index });
    return index;
  });
  const all = [...distinct.values()].map(({ capture }) => capture);
  const wanted = all.map((capture) => capture.wanted);
  const most = fairShare(wanted, mostPerSlice);
  const outputs = all.map((capture, i) =>
    (wanted[i] ?? 0) <= most ? capture.output(mostPerHost) : capture.fitting(most),
  );
  return { outputs, of };
}
