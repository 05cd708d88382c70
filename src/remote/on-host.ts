import type { Call } from '../../activities/define.ts';
import { formatMs } from '../model/duration.ts';
import { type OpsError, isOpsError, lockLost, messageOf } from '../model/errors.ts';
import { type HostCommand, type HostResult, isOk, resultCodes } from '../model/remote-result.ts';
import { pauseUnless } from '../timer.ts';
import { type Result, type RunOptions, shorten, timedOut } from './command.ts';
import { fencesOn } from './fence.ts';
import { notBegun } from './journalled.ts';
import type { Live } from './live.ts';
import { Capture } from './output.ts';
import { OutputLog, outputFile } from './output-log.ts';
import { type Progress, states } from './progress.ts';
import type { SliceInput } from './slice.ts';

/** How one command ended on one host. */
export type Outcome = Pick<HostResult, 'host' | 'index' | 'exitCode' | 'signal' | 'durationMs' | 'error'> & {
  capture: Capture;
};

/** What an attempt at a slice of hosts does on each of them. */
export interface Attempt {
  input: SliceInput;
  call: Call;
  /** Commands may change something: journalled, at most once. */
  once: boolean;
  token: string;
  progress: Progress;
  /** Aborted when the time for all of it is up. */
  timeUp: AbortSignal;
  /** Shows what the only host says while it says it. */
  live?: Live | undefined;
  /** Told whether a host that cannot be reached is waited for. */
  away: (host: string, away: boolean) => void;
}

/** Starts it unless it has begun; or asks only what became of what had ended, or of what may have begun. */
type How = 'run' | 'fetch' | 'look';

const neverStarted = new Set(['NOT_STARTED', 'JOURNAL_UNWRITABLE', lockLost]);

/** For how long results of what ended before are asked for. */
const fetchPatienceMs = 30_000;
const longestPauseMs = 10_000;

/** One host of a slice, in one attempt. */
export class OnHost {
  readonly #host: string;
  readonly #attempt: Attempt;
  readonly #log: OutputLog;

  constructor(host: string, attempt: Attempt) {
    const { deps, run, token } = attempt.call;
    const step = token.startsWith(`${run}/`) ? token.slice(run.length + 1) : token;
    this.#host = host;
    this.#attempt = attempt;
    this.#log = new OutputLog(outputFile(deps.config.state_dir, run, step, host));
  }

  /** Runs a command, attaches to it, or fetches what became of it. Never fails but by a mistake in Sumac. */
  async command(index: number): Promise<Outcome> {
    const { progress, input } = this.#attempt;
    const command = input.commands[index] ?? { command: '' };
    const before = progress.before(this.#host, index);
    this.#log.begin(command.command);
    try {
      if (before === states.ok || before === states.failed) return await this.#fetch(index, command, before);
      if (before === states.givenUp && !progress.wasSent(this.#host, index))
        return this.#failed(index, 'failed', 'NOT_STARTED', 'an earlier attempt could not start it, and gave up');
      if (before === states.fresh) progress.firsts.turn(this.#host, index);
      const outcome = await this.#run(index, command, before === states.givenUp ? 0 : this.#patienceMs, 'run');
      this.#note(outcome, command);
      return outcome;
    } finally {
      await this.#log.close();
    }
  }

  /**
   * What becomes of a command that an earlier attempt may have started without telling.
   * @returns nothing when it had not begun; it does not begin any more
   */
  async look(index: number): Promise<Outcome | undefined> {
    const command = this.#attempt.input.commands[index] ?? { command: '' };
    this.#log.begin(command.command);
    try {
      const outcome = await this.#run(index, command, fetchPatienceMs, 'look');
      return outcome.error?.code === notBegun ? undefined : outcome;
    } finally {
      await this.#log.close();
    }
  }

  /** Keeps for the next attempt how it ended. */
  #note(outcome: Outcome, command: HostCommand): void {
    const { progress, call } = this.#attempt;
    if (call.signal.aborted) return;
    const { error, index } = outcome;
    const never = !progress.wasSent(this.#host, index) || neverStarted.has(error?.code ?? '');
    if (isOk(outcome, command)) progress.ended(this.#host, index, states.ok);
    // To ask for the result of what never began would begin it.
    else if (this.#attempt.once && never) progress.givenUp(this.#host, index);
    else if (progress.isGivenUp(this.#host)) return;
    else progress.ended(this.#host, index, states.failed);
  }

  get #patienceMs(): number {
    return this.#attempt.input.patienceMs ?? (this.#attempt.once ? 300_000 : 30_000);
  }

  /** The result of a command that had ended when an earlier attempt was at it. */
  async #fetch(index: number, command: HostCommand, before: typeof states.ok | typeof states.failed): Promise<Outcome> {
    const outcome = await this.#run(index, command, fetchPatienceMs, 'fetch');
    if (outcome.error === undefined || this.#attempt.call.signal.aborted) return outcome;
    if (before === states.failed) return outcome;
    // That it succeeded is known, and must not be undone by what happened to the host since.
    const { okCodes = [0] } = command;
    const capture = new Capture();
    capture.push(Buffer.from(`[output lost: ${outcome.error.message}]\n`));
    const exitCode = okCodes.length === 0 || okCodes.includes(0) ? 0 : (okCodes[0] ?? 0);
    return { host: this.#host, index, exitCode, durationMs: outcome.durationMs, capture };
  }

  async #run(index: number, command: HostCommand, patienceMs: number, how: How): Promise<Outcome> {
    const { call, progress, timeUp, away } = this.#attempt;
    const started = performance.now();
    const failed = ({ kind, code, message }: Pick<OpsError, 'kind' | 'code' | 'message'>, capture?: Capture): Outcome =>
      this.#failed(index, kind, code, message, Math.round(performance.now() - started), capture);
    let firstAway: number | undefined;
    for (let pause = 1000; ; pause = Math.min(pause * 2, longestPauseMs)) {
      const capture = new Capture();
      const isLate = timeUp.aborted && how !== 'fetch';
      const looks = how === 'look' || (isLate && !progress.wasSent(this.#host, index));
      try {
        if (isLate && !(await this.#endLate(index))) return failed(this.#late(command, ': it was not even started'));
        const result = await this.#execute(index, command, capture, how === 'fetch' || isLate, looks);
        if (how === 'run') away(this.#host, false);
        if (how === 'run' && result.isFirst) progress.firsts.started(this.#host, index);
        return this.#outcome(index, result);
      } catch (error) {
        const known = isOpsError(error) ? error : undefined;
        if (!known && !call.signal.aborted && !timeUp.aborted) throw error;
        if (known?.code === notBegun && how === 'run') return failed(this.#late(command, ': it was not even started'));
        if (known && known.kind !== 'transient') return failed(this.#inItsTime(known, command, isLate), capture);
        if (call.signal.aborted) return failed(this.#givenUp(index, command, how), capture);
        if (isLate)
          return failed(
            { ...this.#late(command, `, and may still run: ${messageOf(error)}`), kind: 'unknown' },
            capture,
          );
        if (timeUp.aborted && how === 'look') continue;
        if (timeUp.aborted && how === 'run') return failed(this.#late(command, ' and was ended'), capture);
        const message = messageOf(error);
        firstAway ??= Date.now();
        const awayMs = how === 'run' ? progress.away(this.#host, message) : Date.now() - firstAway;
        const { startPatienceMs = patienceMs } = this.#attempt.input;
        const mayRun = this.#attempt.once && (how === 'look' || progress.wasSent(this.#host, index));
        const patience = progress.wasSent(this.#host, index) ? patienceMs : Math.min(patienceMs, startPatienceMs);
        if (awayMs >= patience) {
          if (how === 'run') progress.givenUp(this.#host);
          const kind = mayRun ? 'unknown' : 'failed';
          const after = `${message}, tried for ${formatMs(awayMs)}`;
          return failed({ kind, code: known?.code ?? 'UNREACHABLE', message: after }, capture);
        }
        if (how === 'run') away(this.#host, true);
        await pauseUnless(AbortSignal.any([call.signal, timeUp]), pause);
        await this.#log.again(command.command);
      }
    }
  }

  #execute(
    index: number,
    { command, timeoutMs }: HostCommand,
    capture: Capture,
    isOver: boolean,
    looks: boolean,
  ): Promise<Result> {
    const { call, once, token, progress, timeUp, away, input, live } = this.#attempt;
    live?.turnTo(index, capture);
    const options: RunOptions = {
      ...runOptions(input),
      capture,
      onOutput: (chunk) => this.#log.write(chunk),
      sent: () => {
        if (isOver || looks) return;
        away(this.#host, false);
        progress.sent(this.#host, index);
      },
      // What has ended, or been ended, is only fetched.
      ...(isOver ? { signal: call.signal } : { timeoutMs, signal: AbortSignal.any([call.signal, timeUp]) }),
    };
    const { remote } = call.deps;
    if (!once) return remote.run(this.#host, command, options);
    return remote.runOnce(this.#host, command, {
      ...options,
      token,
      index,
      looks,
      sinceSeconds: () => progress.sinceSeconds(this.#host, index),
      fences: fencesOn(call.fences, this.#host),
    });
  }

  /** The time for all was up before this attempt was at the command: ends it if it may run. Whether it may have run. */
  async #endLate(index: number): Promise<boolean> {
    const { call, once, token, progress, input } = this.#attempt;
    if (!once || progress.sinceSeconds(this.#host, index) === 0) return false;
    const { left } = await call.deps.remote.endOnce(this.#host, { ...runOptions(input), token, index });
    if (left !== undefined) throw new Error(left);
    return true;
  }

  /** What was ended is told as it was when that happened. */
  #inItsTime(error: OpsError, command: HostCommand, isLate: boolean): Pick<OpsError, 'kind' | 'code' | 'message'> {
    if (error.code === 'COMMAND_ENDED' && isLate) return this.#late(command, ' and was ended');
    if (error.code !== 'COMMAND_TIMEOUT' || command.timeoutMs === undefined) return error;
    return timedOut(this.#host, command.command, command.timeoutMs, / and was ended$/.exec(error.message)?.[0]);
  }

  #late({ command }: HostCommand, after: string): Pick<OpsError, 'kind' | 'code' | 'message'> {
    const message = `${this.#host}: '${shorten(command)}' had not ended when the time for all was up${after}`;
    return { kind: 'failed', code: 'GLOBAL_TIMEOUT', message };
  }

  #givenUp(index: number, { command }: HostCommand, how: How): Pick<OpsError, 'kind' | 'code' | 'message'> {
    const { once, progress } = this.#attempt;
    const never = once && how !== 'look' && !progress.wasSent(this.#host, index);
    const message = `${this.#host}: '${shorten(command)}' ${never ? 'was never sent' : 'was given up, as the run was cancelled'}`;
    return { kind: 'failed', code: never ? resultCodes.notSent : resultCodes.cancelled, message };
  }

  #outcome(index: number, { exitCode, signal, durationMs, capture }: Result): Outcome {
    return { host: this.#host, index, exitCode, ...(signal !== undefined && { signal }), durationMs, capture };
  }

  #failed(
    index: number,
    kind: OpsError['kind'],
    code: string,
    message: string,
    durationMs = 0,
    capture = new Capture(),
  ): Outcome {
    return { host: this.#host, index, exitCode: null, durationMs, capture, error: { kind, code, message } };
  }
}

/** What all commands of a slice have in common. */
export const runOptions = ({
  sudo,
  user,
  env,
  stdin,
  installer,
}: Omit<SliceInput, 'hosts' | 'commands'>): RunOptions => ({
  sudo,
  user,
  env,
  stdin,
  access: installer === true ? 'installer' : 'normal',
});
