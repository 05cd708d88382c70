import { OpsError, messageOf } from '../model/errors.ts';
import { AfterMark, Deadline, type Result, type RunOptions, notStarted, shorten, timedOut } from './command.ts';
import { type HostFence, fencedOff } from './fence.ts';
import { type Attempts, type Verdict, Notes, attemptInput, attemptsAt, endLine, lookLine } from './journal.ts';
import { Capture } from './output.ts';
import type { Pool } from './pool.ts';
import type { Target } from './target.ts';

/** How a command is run that may run only once. */
export interface OnceOptions extends RunOptions {
  /** Name of its journal entry. */
  entry: string;
  /** Seconds since an earlier attempt may have started it, by a clock that does not jump; 0 when there was none. */
  sinceSeconds?: (() => number) | undefined;
  /** It is attached to if it has begun, and never begins if it has not. */
  looks?: boolean | undefined;
  /** Locks under which it runs: refused when a later holder has acted under one of them on this host. */
  fences?: readonly HostFence[] | undefined;
}

/** Reasons of an abort after which somebody else goes on waiting for the command: it is left running. */
const detaching = ['WORKER_SHUTDOWN', 'TIMED_OUT'];

/** Whether, after this abort, somebody else goes on. */
export const isDetaching = (signal: AbortSignal): boolean =>
  signal.aborted && detaching.includes(messageOf(signal.reason));

/** Code of the error when {@link OnceOptions.looks} found nothing. */
export const notBegun = 'NOT_BEGUN';

/** How long ending a command on its host may take: TERM, 5 s, KILL. */
const endingMs = 20_000;

/**
 * Runs a command that may change something, at most once per journal entry: an attempt after the first one attaches to
 * it and returns the same result. When its time is up or `signal` is aborted, the command is ended on the host too.
 * @throws REBOOTED_MEANWHILE, COMMAND_LOST and STILL_RUNNING of kind unknown; COMMAND_TIMEOUT, JOURNAL_UNWRITABLE,
 *   TOKEN_REUSED, NOT_STARTED, LockLost; CONNECTION_LOST of kind transient; the signal's reason; what `Pool.exec` throws
 */
export async function runOnce(pool: Pool, target: Target, command: string, options: OnceOptions): Promise<Result> {
  const { capture = new Capture(), timeoutMs, stdin, sinceSeconds = () => 0 } = options;
  const { host } = target;
  const deadline = new Deadline(timeoutMs, options.signal);
  let started = performance.now();
  const state = { attached: false, mayRun: sinceSeconds() > 0 };
  const notes = new Notes((seconds) => {
    state.attached = true;
    if (timeoutMs !== undefined) deadline.leave(timeoutMs - seconds * 1000);
  });
  const output = new AfterMark((chunk) => {
    capture.push(chunk);
    return options.onOutput?.(chunk);
  });
  const looks = options.looks === true;
  try {
    const attempts: Attempts = looks
      ? { line: () => lookLine(options.entry, sinceSeconds(), options) }
      : attemptsAt({ ...options, command, shell: options, sinceSeconds });
    const exit = await pool.exec(target, {
      // Asked for when there is a channel: on the way to one the host may have been rebooted.
      get command() {
        return attempts.line();
      },
      kept: attempts.kept,
      stdin: stdin === undefined || looks ? undefined : attemptInput(stdin),
      pulse: true,
      signal: deadline.signal,
      onSend: () => {
        state.mayRun = true;
        started = performance.now();
        options.sent?.();
      },
      onNotes: (text) => notes.push(text),
      onOutput: (chunk) => output.push(chunk),
    });
    const { verdict } = notes;
    if (notes.full) await output.push(cutBy(host));
    if (!verdict && exit.signal === undefined && !output.seen) throw notStarted(host, notes.other);
    if (verdict?.is === 'fenced')
      throw fencedOff(host, `'${shorten(command)}' was not started`, verdict, options.fences);
    if (verdict?.is !== 'exit') throw failure(host, command, verdict, notes.other);
    // Whoever passed on the output was killed over it.
    if (exit.code !== 0) throw failure(host, command, undefined, '');
    if (verdict.ended === 'timeout') throw timedOut(host, command, timeoutMs ?? 0, ' and was ended');
    if (verdict.ended !== undefined)
      throw new OpsError('failed', 'COMMAND_ENDED', `${host}: '${shorten(command)}' was ended: ${verdict.ended}`, {
        host,
      });
    const measured = Math.round(performance.now() - started);
    return {
      exitCode: verdict.code,
      capture,
      durationMs: state.attached ? (verdict.durationMs ?? measured) : measured,
      ...(notes.first && !state.attached && { isFirst: true }),
    };
  } catch (error) {
    if (deadline.isUp) {
      const left = state.mayRun ? (await end(pool, target, options, 'timeout')).left : undefined;
      if (left !== undefined)
        throw stillRunning(host, command, `had not ended after ${(timeoutMs ?? 0) / 1000} s`, left);
      throw timedOut(host, command, timeoutMs ?? 0, state.mayRun ? ' and was ended' : ': it was not even started');
    }
    if (deadline.signal.aborted && state.mayRun && !isDetaching(deadline.signal)) {
      const { left, never } = await end(pool, target, options, 'cancelled');
      if (left !== undefined) throw stillRunning(host, command, 'was cancelled', left);
      if (never && looks) throw failure(host, command, { is: 'never' }, '');
    }
    if (error instanceof OpsError && error.code === 'CONNECTION_LOST')
      throw new OpsError('transient', error.code, error.message, error.facts, error);
    throw error;
  } finally {
    deadline.clear();
  }
}

/** What ending a command came to: why it may go on, if it may; whether it had never begun. */
export interface Ending {
  left?: string;
  never: boolean;
}

/** Ends a command and all it started. */
export async function end(pool: Pool, target: Target, options: OnceOptions, why: string): Promise<Ending> {
  const notes = new Notes();
  const deadline = new Deadline(endingMs, undefined);
  try {
    await pool.exec(target, {
      command: endLine(options.entry, why, options),
      urgent: true,
      signal: deadline.signal,
      onNotes: (text) => notes.push(text),
      onOutput: () => undefined,
    });
    const is = notes.verdict?.is;
    const never = is === 'never';
    if (notes.left !== undefined) return { left: `of what it started, this goes on: ${notes.left}`, never };
    if (never || is === 'exit' || is === 'rebooted') return { never };
    return { left: notes.other || 'its runner is gone', never };
  } catch (error) {
    return { left: messageOf(error), never: false };
  } finally {
    deadline.clear();
  }
}

const cutBy = (host: string) =>
  Buffer.from(`\n[... the rest of the output was lost: the disk of ${host} that holds the journal was full ...]\n`);

const stillRunning = (host: string, command: string, what: string, why: string) =>
  new OpsError('unknown', 'STILL_RUNNING', `${host}: '${shorten(command)}' ${what}, and may still run: ${why}`, {
    host,
  });

function failure(
  host: string,
  command: string,
  verdict: Exclude<Verdict, { is: 'fenced' }> | undefined,
  said: string,
): OpsError {
  const what = `'${shorten(command)}'`;
  switch (verdict?.is) {
    case 'rebooted':
      return new OpsError(
        'unknown',
        'REBOOTED_MEANWHILE',
        `${host} rebooted while ${what} ran there: how far it came is unknown`,
        { host },
      );
    case 'lost':
      return new OpsError(
        'unknown',
        'COMMAND_LOST',
        `${host}: whoever waited for ${what} there was killed: how it ended is unknown`,
        { host },
      );
    case 'forgotten':
      return new OpsError(
        'unknown',
        'COMMAND_LOST',
        `${host}: ${what} may have run: its journal entry would be gone by now, as after 14 days`,
        { host },
      );
    case 'reused':
      return new OpsError(
        'failed',
        'TOKEN_REUSED',
        `${host}: ${what} was not started: another command, user or input has run under the same token before`,
        { host },
      );
    case 'unwritable':
      return new OpsError(
        'failed',
        'JOURNAL_UNWRITABLE',
        `${host}: ${what} was not started, for its journal entry cannot be written: ${said.trim() || 'is the disk full?'}`,
        { host },
      );
    case 'never':
      return new OpsError('failed', notBegun, `${host}: ${what} had not begun, and will not`, { host });
    case 'cut':
    case 'exit':
    case undefined:
      return new OpsError('transient', 'CONNECTION_LOST', `${host}: the connection was lost while ${what} ran there`, {
        host,
      });
  }
}
