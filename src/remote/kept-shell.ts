import { randomBytes } from 'node:crypto';
import type { ClientChannel } from 'ssh2';
import { ChannelFailure } from './channel-failure.ts';
import { haveRead } from './garbage.ts';
import { type Exit, type Job, pulseMs } from './serve.ts';

/** How long a kept shell may take to say that it is there before a channel of its own is taken instead. */
const answerMs = 1000;

/** The attempt that a shell is at. */
interface Current {
  job: Job;
  /** What it says on both streams when it is over. */
  end: Buffer;
  /** Of the output, what may be the beginning of {@link end}. */
  held: Buffer;
  busy: Promise<void> | undefined;
  left: Set<'output' | 'notes'>;
  resolve: (exit: Exit) => void;
  fail: (error: Error) => void;
}

/** Names the end of one attempt in what a kept shell says. */
export const newEnd = (): string => randomBytes(16).toString('hex');

/** A shell on a host that makes attempts at journalled commands, one after another in the same channel: see kept.sh. */
export class KeptShell {
  readonly #channel: ClientChannel;
  readonly #freed: () => void;
  #current: Current | undefined;
  #taken = true;
  #closed = false;
  #notes = '';
  #heard: (() => void) | undefined;

  /** @param freed called whenever it can be taken again; a new one is taken */
  constructor(channel: ClientChannel, freed: () => void) {
    this.#channel = channel;
    this.#freed = freed;
    channel.on('data', (chunk: Buffer) => {
      haveRead(chunk.length);
      this.#output(chunk);
    });
    channel.stderr.setEncoding('utf8').on('data', (text: string) => this.#note(text));
    // Killed: what an attempt that it leaves behind holds open tells nobody anything.
    channel.on('exit', (code: number | null, signal?: string) => {
      if (code !== null) return;
      this.close();
      this.#current?.fail(new ChannelFailure('lost', `the shell was killed by ${signal}`));
    });
    channel.on('close', (code?: number | null, signal?: string) => {
      this.#closed = true;
      this.#heard?.();
      if (code === undefined) this.#current?.fail(new ChannelFailure('lost', 'the connection was lost'));
      else this.#current?.resolve({ code, ...(signal !== undefined && { signal }) });
    });
    // An error here is one of the connection, which 'close' tells of.
    channel.on('error', () => undefined);
  }

  get isFree(): boolean {
    return !this.#taken && !this.#closed;
  }

  /** Ends it, and with it the attempt it is at; the command goes on. */
  close(): void {
    this.#closed = true;
    this.#channel.removeAllListeners('data').resume();
    this.#channel.close();
  }

  /** Whether it still answers, as a host does not that was cut off; then it is for whoever asked. */
  async take(): Promise<boolean> {
    this.#taken = true;
    this.#notes = '';
    let timer: NodeJS.Timeout | undefined;
    const answers = await new Promise<boolean>((resolve) => {
      this.#heard = () => resolve(!this.#closed);
      timer = setTimeout(() => resolve(false), answerMs);
      this.#channel.write('here\n');
    });
    clearTimeout(timer);
    this.#heard = undefined;
    if (!answers) this.close();
    return answers;
  }

  /**
   * Sees an attempt through.
   * @param end from {@link newEnd}, as the attempt was told
   * @param text what the shell is to read; none when the attempt began with the shell
   * @throws {@link ChannelFailure} when the shell ends before it is over
   */
  async attempt(job: Job, end: string, text?: string): Promise<Exit> {
    const pulse = setInterval(() => this.#channel.write('\n'), pulseMs);
    let abort = () => {};
    try {
      return await new Promise((resolve, reject) => {
        const fail = (error: Error) => {
          this.close();
          reject(error);
        };
        abort = () => fail(job.signal.reason as Error);
        const mark = Buffer.from(`\x1eover ${end}\n`);
        const left = new Set(['output', 'notes'] as const);
        this.#current = { job, end: mark, held: Buffer.alloc(0), busy: undefined, left, resolve, fail };
        this.#notes = '';
        job.signal.addEventListener('abort', abort, { once: true });
        if (job.signal.aborted) abort();
        else if (this.#closed) fail(new ChannelFailure('lost', 'the connection was lost'));
        else if (text !== undefined) this.#channel.write(text);
      });
    } finally {
      clearInterval(pulse);
      job.signal.removeEventListener('abort', abort);
      this.#current = undefined;
      this.#taken = false;
      this.#freed();
    }
  }

  #output(chunk: Buffer): void {
    const current = this.#current;
    if (!current?.left.has('output')) return;
    const { end, held, job } = current;
    const all = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
    const at = all.indexOf(end);
    const ours = at === -1 ? all.length - beginning(all, end) : at;
    if (at !== -1) current.left.delete('output');
    else current.held = Buffer.from(all.subarray(ours));
    try {
      current.busy = ours > 0 ? job.onOutput(all.subarray(0, ours)) : undefined;
    } catch (error) {
      current.fail(error as Error);
      return;
    }
    if (!current.busy) {
      this.#over(current);
      return;
    }
    this.#channel.pause();
    current.busy.then(() => {
      current.busy = undefined;
      this.#channel.resume();
      this.#over(current);
    }, current.fail);
  }

  #note(text: string): void {
    const notes = this.#notes + text;
    this.#notes = notes.slice(-100);
    if (notes.includes('\x1ehere\n')) this.#heard?.();
    const current = this.#current;
    if (!current) return;
    current.job.onNotes(text);
    if (!notes.includes(current.end.toString())) return;
    current.left.delete('notes');
    this.#over(current);
  }

  #over({ left, busy, resolve }: Current): void {
    if (left.size === 0 && !busy) resolve({ code: 0 });
  }
}

/** How many of the last bytes may be the beginning of the mark; its first byte is in it only once. */
function beginning(bytes: Buffer, mark: Buffer): number {
  const at = bytes.subarray(-(mark.length - 1)).lastIndexOf(mark[0] ?? 0);
  if (at === -1) return 0;
  const tail = bytes.subarray(Math.max(0, bytes.length - mark.length + 1) + at);
  return mark.subarray(0, tail.length).equals(tail) ? tail.length : 0;
}
