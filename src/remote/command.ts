import type { Readable } from 'node:stream';
import { OpsError } from '../model/errors.ts';
import { after } from '../timer.ts';
import { type Shell, Notes, killLine, mark, plainLine } from './journal.ts';
import { Capture } from './output.ts';
import type { Pool } from './pool.ts';
import type { Access, Target } from './target.ts';

/** How one command is run on one host. */
export interface RunOptions extends Shell {
  /** Milliseconds, counted from before the connection is made; none by default. */
  timeoutMs?: number | undefined;
  /** Not shown in any list of processes. */
  stdin?: string | Buffer | undefined;
  access?: Access | undefined;
  signal?: AbortSignal | undefined;
  /** Takes in the output; by default a new one, found in the result. */
  capture?: Capture | undefined;
  /** Is handed the whole output bit by bit; a promise holds up the host. */
  onOutput?: ((chunk: Buffer) => Promise<void> | undefined) | undefined;
  /** Called before the command can have started. */
  sent?: (() => void) | undefined;
}

/** How a command that may be repeated is run; its standard input may be of any size. */
export type PlainOptions = Omit<RunOptions, 'stdin'> & { stdin?: RunOptions['stdin'] | (() => Readable) };

/** How a command ended. */
export interface Result {
  exitCode: number | null;
  /** Signal that ended it, for example `SIGKILL`. */
  signal?: string;
  capture: Capture;
  durationMs: number;
  /** Earlier attempts may have started it, and this one is the first that did. */
  isFirst?: true;
}

/** Ends a wait when its time is up or its caller gives up, whichever is first. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timeUp = new Error('timeout');
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.#controller.abort(this.#signal?.reason);
  #cancel: () => void = () => undefined;

  constructor(timeoutMs: number | undefined, signal: AbortSignal | undefined) {
    this.#signal = signal;
    if (signal?.aborted) this.#abort();
    else signal?.addEventListener('abort', this.#abort, { once: true });
    this.leave(timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }
  get isUp(): boolean {
    return this.signal.reason === this.#timeUp;
  }

  /** Counts anew. */
  leave(timeoutMs: number | undefined): void {
    this.#cancel();
    if (timeoutMs !== undefined) this.#cancel = after(timeoutMs, () => this.#controller.abort(this.#timeUp));
  }

  clear(): void {
    this.#cancel();
    this.#signal?.removeEventListener('abort', this.#abort);
  }
}

/** Passes on what comes after the mark that entry.sh and {@link plainLine} print first. */
export class AfterMark {
  seen = false;
  /** Of the shell that runs a plain command. */
  pid: number | undefined;
  #noise = Buffer.alloc(0);
  readonly #pass: (chunk: Buffer) => Promise<void> | undefined;

  constructor(pass: (chunk: Buffer) => Promise<void> | undefined) {
    this.#pass = pass;
  }

  push(chunk: Buffer): Promise<void> | undefined {
    if (this.seen) return this.#pass(chunk);
    const all = Buffer.concat([this.#noise, chunk]);
    const at = all.indexOf(mark);
    this.seen = at !== -1;
    if (this.seen) this.pid = pidOf(all.subarray(0, at));
    this.#noise = this.seen ? Buffer.alloc(0) : Buffer.from(all.subarray(-65_536));
    return this.seen && all.length > at + mark.length ? this.#pass(all.subarray(at + mark.length)) : undefined;
  }
}

function pidOf(before: Buffer): number | undefined {
  const word = before.subarray(before.lastIndexOf('\x1e') + 1).toString('latin1');
  const [, pid] = /^pid (\d+)$/.exec(word) ?? [];
  return pid === undefined ? undefined : Number(pid);
}

export const timedOut = (host: string, command: string, ms: number, after = '') =>
  new OpsError(
    'failed',
    'COMMAND_TIMEOUT',
    `${host}: '${shorten(command)}' had not ended after ${ms / 1000} s${after}`,
    {
      host,
    },
  );

/** A command in at most 60 characters, its head and its tail. */
export const shorten = (command: string): string =>
  command.length <= 60 ? command : `${command.slice(0, 35)}...${command.slice(-22)}`;

/**
 * Runs a command that may be repeated at will; if it is broken off, the next attempt runs it again.
 * @throws COMMAND_TIMEOUT, CONNECTION_LOST, NOT_STARTED; what `Pool.exec` throws
 */
export async function runPlain(pool: Pool, target: Target, command: string, options: PlainOptions): Promise<Result> {
  const { capture = new Capture(), timeoutMs } = options;
  const { host } = target;
  const notes = new Notes();
  const deadline = new Deadline(timeoutMs, options.signal);
  const started = performance.now();
  const output = new AfterMark((chunk) => {
    capture.push(chunk);
    return options.onOutput?.(chunk);
  });
  try {
    const { code, signal } = await pool.exec(target, {
      command: plainLine(command, options),
      stdin: options.stdin,
      signal: deadline.signal,
      ...(options.sent && { onSend: options.sent }),
      onNotes: (text) => notes.push(text),
      onOutput: (chunk) => output.push(chunk),
    });
    if (!output.seen) throw notStarted(host, notes.other);
    return {
      exitCode: code,
      ...(signal !== undefined && { signal }),
      capture,
      durationMs: Math.round(performance.now() - started),
    };
  } catch (error) {
    if (deadline.signal.aborted && output.pid !== undefined) void endPlain(pool, target, output.pid, options);
    if (deadline.isUp) throw timedOut(host, command, timeoutMs ?? 0);
    if (error instanceof OpsError && error.code === 'CONNECTION_LOST')
      throw new OpsError('transient', error.code, error.message, error.facts, error);
    throw error;
  } finally {
    deadline.clear();
  }
}

/** Nobody waits for it: what is left of a command that changes nothing is untidy, no more. */
async function endPlain(pool: Pool, target: Target, pid: number, options: Shell): Promise<void> {
  const deadline = new Deadline(10_000, undefined);
  try {
    await pool.exec(target, {
      command: killLine(pid, options),
      urgent: true,
      signal: deadline.signal,
      onNotes: () => undefined,
      onOutput: () => undefined,
    });
  } catch {
    // The host is away, or was rebooted.
  } finally {
    deadline.clear();
  }
}

export const notStarted = (host: string, said: string) =>
  new OpsError('failed', 'NOT_STARTED', `${host}: the command was not started: ${said.trim() || 'no shell answered'}`, {
    host,
  });
