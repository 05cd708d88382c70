import type { Call } from '../../activities/define.ts';
import { GivenUp, OpsError } from '../model/errors.ts';
import type { Mode } from '../model/execution.ts';
import { fold } from '../model/host-set.ts';
import { type HostCommand, isOk, resultCodes } from '../model/remote-result.ts';
import { type SliceResult, packResults } from '../model/slice-result.ts';
import { after, pauseUnless } from '../timer.ts';
import { isDetaching } from './journalled.ts';
import { Limit } from './limit.ts';
import { Live } from './live.ts';
import { type Attempt, OnHost, type Outcome, runOptions } from './on-host.ts';
import { shareOut } from './output.ts';
import { Progress, states } from './progress.ts';
import { SharedBudget } from './shared-budget.ts';
import { type Sliding, Window, slide } from './window.ts';

/** Commands for a slice of hosts, and how they are let in. */
export interface SliceInput {
  hosts: readonly string[];
  commands: readonly HostCommand[];
  sudo?: boolean;
  /** Run as this user. */
  user?: string;
  /** Exported before each command; no secrets. */
  env?: Readonly<Record<string, string>>;
  /** Standard input of each command; no secrets: it stays in the history. */
  stdin?: string;
  /** Reach the hosts while their installer runs. */
  installer?: boolean;
  /** Sets this run of the commands apart from every other one; by default the call's token does. */
  id?: string;
  /** Milliseconds for which a host may stay unreachable. */
  patienceMs?: number;
  /** The same before anything may have been started on a host. */
  startPatienceMs?: number;
  /** Most hosts under way at a time; the next starts when one ends. */
  batchSize?: number;
  /** Milliseconds between the end of a host and the start of the next in its place. */
  batchSleepMs?: number;
  /** How many hosts may fail before no further one starts; default none. */
  failuresAllowed?: number;
  /** Milliseconds from when the first attempt was asked for until the time for all of it is up. */
  timeLeftMs?: number;
  /** Which part of which execution this is, when others work on the rest of the hosts at the same time. */
  shared?: { id: string; slice: number };
  /** Place of the first command among all of the run, when the heartbeats are to carry what the only host says. */
  live?: number;
}

/** For how long a later attempt waits for what the run says of failures elsewhere. */
const askingMs = 5000;

/** One attempt at a slice. */
export class Slice {
  readonly #input: SliceInput;
  readonly #call: Call;
  readonly #mode: Mode;
  readonly #attempt: Attempt;
  readonly #timeUp = new AbortController();
  readonly #hosts = new Map<string, OnHost>();
  readonly #outcomes: Outcome[] = [];
  readonly #budget: SharedBudget | undefined;
  /** Until when the place of the last host that ended rests. */
  #restsUntil: number;
  #window: Window | undefined;
  #sliding: Sliding | undefined;

  /** @param once commands may change something: journalled, at most once */
  constructor(input: SliceInput, call: Call, mode: Mode, once: boolean) {
    this.#input = input;
    this.#call = call;
    this.#mode = mode;
    const live = input.live === undefined ? undefined : new Live(call, input.live);
    // Without batches any number of hosts may have been away, and have given their places to others.
    const enough = input.batchSize === undefined ? undefined : input.batchSize + (input.failuresAllowed ?? 0);
    this.#attempt = {
      ...{ input, call, once, live, token: tokenOf(input, call), timeUp: this.#timeUp.signal },
      progress: new Progress(live?.call ?? call, input.hosts, input.commands.length, mode, once, enough),
      away: (host, away) => {
        this.#window?.away(host, away);
        this.#sliding?.look();
      },
    };
    const { progress } = this.#attempt;
    this.#restsUntil = Math.min(progress.restedUntil, progress.now + (input.batchSleepMs ?? 0));
    progress.restsUntil = () => this.#restsUntil;
    this.#budget = input.shared && new SharedBudget(call, input.shared, () => this.#stop());
  }

  /**
   * Runs the commands. What fails on a host is part of the result.
   * @throws the abort's reason; STILL_RUNNING when what was cancelled could not be ended
   */
  async run(): Promise<SliceResult> {
    const { signal } = this.#call;
    const { progress } = this.#attempt;
    const stop = () => this.#stop();
    signal.addEventListener('abort', stop, { once: true });
    const stopClock = this.#startClock();
    try {
      // Whoever comes later must not start what the one before would not have.
      if (this.#budget && this.#call.attempt > 1)
        await Promise.race([this.#budget.look(), pauseUnless(signal, askingMs)]);
      await (this.#mode === 'sync' ? this.#sync() : this.#async());
      if (this.#attempt.once && progress.isUnsure) await this.#lookAround();
    } finally {
      signal.removeEventListener('abort', stop);
      stopClock();
      this.#budget?.close();
      progress.end(!signal.aborted);
    }
    if (signal.aborted) throw this.#givenUp();
    return this.#result();
  }

  /** Command by command, each on those hosts on which all before it succeeded. */
  async #sync(): Promise<void> {
    let [hosts, failed] = [this.#input.hosts, 0];
    for (const index of this.#input.commands.keys()) {
      if (index > 0) await this.#rest(hosts, index);
      this.#attempt.progress.turnTo(index);
      const good = new Set<string>();
      const body = async (host: string) => {
        const ok = await this.#command(host, index);
        if (ok) good.add(host);
        return ok;
      };
      await this.#pass(hosts, failed, (host) => this.#attempt.progress.before(host, index), body);
      failed += this.#outcomes.filter((outcome) => outcome.index === index && !this.#isOk(outcome)).length;
      hosts = hosts.filter((host) => good.has(host));
      if (this.#isStopped || failed > this.#allowed || hosts.length === 0) return;
    }
  }

  /** Before the first host gets a further command. */
  async #rest(hosts: readonly string[], index: number): Promise<void> {
    if (hosts.some((host) => this.#attempt.progress.before(host, index) !== states.fresh)) return;
    const left = this.#restsUntil - this.#attempt.progress.now;
    if (left > 0) await pauseUnless(AbortSignal.any([this.#call.signal, this.#timeUp.signal]), left);
  }

  /** Each host through all commands, up to the first that fails there. */
  #async(): Promise<void> {
    const body = async (host: string) => {
      for (const index of this.#input.commands.keys()) if (!(await this.#command(host, index))) return false;
      return true;
    };
    return this.#pass(this.#input.hosts, 0, (host) => this.#attempt.progress.beforeAll(host), body);
  }

  /** Lets hosts through the window; those an earlier attempt is done with are only asked what became of them. */
  async #pass(
    hosts: readonly string[],
    failed: number,
    before: (host: string) => number,
    body: (host: string) => Promise<boolean>,
  ): Promise<void> {
    const { batchSize, batchSleepMs = 0 } = this.#input;
    const { fanout } = this.#call.deps.config.ssh;
    const left = (...wanted: number[]) => hosts.filter((host) => wanted.includes(before(host)));
    const lost = left(states.failed, states.givenUp);
    const done = [...left(states.ok), ...lost];
    const away = left(states.away);
    const window = new Window({
      pending: left(states.fresh),
      size: Math.min(batchSize ?? fanout, fanout),
      allowed: this.#allowed,
      restMs: batchSleepMs,
      strict: batchSize !== undefined,
      running: [...left(states.running), ...away],
      ended: done.length,
      failed: failed + lost.length,
      restsUntil: this.#restsUntil,
    });
    for (const host of away) window.away(host, true);
    this.#window = window;
    if (this.#isStopped) window.stop();
    const sliding = slide(
      window,
      () => this.#attempt.progress.now,
      async (host) => {
        const ok = await body(host);
        this.#restsUntil = this.#attempt.progress.now + batchSleepMs;
        // What is only left to the next attempt has not failed.
        if (!this.#call.signal.aborted) this.#budget?.failed(window.failed + (ok ? 0 : 1));
        return ok;
      },
    );
    this.#sliding = sliding;
    const limit = new Limit(fanout);
    const fetched = done.map(async (host) => {
      const leave = await limit.take();
      try {
        await body(host);
      } finally {
        leave();
      }
    });
    this.#budget?.failed(window.failed);
    const ends = await Promise.allSettled([sliding.ended, ...fetched]);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  /** What an attempt that was cut short may have started without telling, and this one would not start, does not stay unknown. */
  async #lookAround(): Promise<void> {
    const last = new Map<string, Outcome>();
    for (const outcome of this.#outcomes) last.set(outcome.host, outcome);
    const limit = new Limit(this.#call.deps.config.ssh.fanout);
    await Promise.all(
      this.#input.hosts.map(async (host) => {
        const before = last.get(host);
        if (before && !this.#isOk(before)) return;
        const leave = await limit.take();
        try {
          for (let index = before ? before.index + 1 : 0; index < this.#input.commands.length; index++) {
            if (isDetaching(this.#call.signal)) return;
            const outcome = await this.#onHost(host).look(index);
            if (!outcome) return;
            this.#outcomes.push(outcome);
            if (!this.#isOk(outcome)) return;
          }
        } finally {
          leave();
        }
      }),
    );
  }

  #onHost(host: string): OnHost {
    const onHost = this.#hosts.get(host) ?? new OnHost(host, this.#attempt);
    this.#hosts.set(host, onHost);
    return onHost;
  }

  async #command(host: string, index: number): Promise<boolean> {
    if (this.#call.signal.aborted && !this.#attempt.progress.wasSent(host, index)) return false;
    const outcome = await this.#onHost(host).command(index);
    this.#outcomes.push(outcome);
    return this.#isOk(outcome);
  }

  #isOk(outcome: Outcome): boolean {
    return isOk(outcome, this.#input.commands[outcome.index] ?? { command: '' });
  }
  get #allowed(): number {
    return this.#input.failuresAllowed ?? 0;
  }
  get #isStopped(): boolean {
    return this.#call.signal.aborted || this.#timeUp.signal.aborted || this.#budget?.isGone === true;
  }

  #stop(): void {
    this.#attempt.progress.stopped = true;
    this.#window?.stop();
    this.#sliding?.look();
  }

  #startClock(): () => void {
    const { timeLeftMs } = this.#input;
    if (timeLeftMs === undefined) return () => undefined;
    const up = () => {
      this.#timeUp.abort(new Error('GLOBAL_TIMEOUT'));
      this.#stop();
    };
    const left = timeLeftMs - this.#call.elapsedMs();
    if (left > 0) return after(left, up);
    up();
    return () => undefined;
  }

  /** Why the attempt ends, and what it could not end. */
  #givenUp(): Error {
    const left = this.#outcomes.flatMap(({ error }) => (error?.code === 'STILL_RUNNING' ? [error.message] : []));
    const { reason } = this.#call.signal as { reason: Error };
    if (reason.message !== 'CANCELLED') return reason;
    const result = this.#result();
    return left.length === 0
      ? new GivenUp(reason.message, result)
      : new OpsError('unknown', 'STILL_RUNNING', left.join('; '), { result });
  }

  #result(): SliceResult {
    const { hosts, commands } = this.#input;
    const place = new Map(hosts.map((host, i) => [host, i]));
    const rank = ({ host, index }: Outcome) => index * hosts.length + (place.get(host) ?? 0);
    const outcomes = this.#outcomes
      .filter(({ error }) => error?.code !== resultCodes.notSent)
      .sort((a, b) => rank(a) - rank(b));
    const { outputs, of } = shareOut(outcomes.map(({ capture }) => capture));
    const results = outcomes.map(({ capture: _, ...outcome }, i) => ({ ...outcome, output: of[i] ?? 0 }));
    const last = outcomes.filter((outcome) => outcome.index === commands.length - 1 && this.#isOk(outcome)).length;
    const packed = packResults(hosts, results, outputs);
    return this.#timeUp.signal.aborted && last < hosts.length ? { ...packed, timeUp: true } : packed;
  }
}

const tokenOf = ({ id }: Pick<SliceInput, 'id'>, { run, token }: Call): string =>
  id === undefined ? token : `${run} ${id}`;

/** What is ended when nobody was there to end it. */
export type EndInput = Pick<SliceInput, 'hosts' | 'sudo' | 'user' | 'installer' | 'id'> & {
  /** Number of its commands. */
  commands: number;
};

/** What became of commands that were ended. */
export interface Ended {
  /** Why they may go on, one line per host. */
  left: string[];
  /** Folded names of hosts on which none had begun. */
  never: string;
}

/** Ends the commands of a slice wherever they run. */
export async function endSlice(input: EndInput, call: Call): Promise<Ended> {
  const { remote, config } = call.deps;
  const limit = new Limit(config.ssh.fanout);
  const never: string[] = [];
  const left = await Promise.all(
    input.hosts.map(async (host) => {
      const leave = await limit.take();
      try {
        for (let index = 0; index < input.commands; index++) {
          const ending = await remote.endOnce(host, { ...runOptions(input), token: tokenOf(input, call), index });
          if (ending.left !== undefined) return [`${host}: ${ending.left}`];
          if (index === 0 && ending.never) never.push(host);
        }
        return [];
      } finally {
        leave();
      }
    }),
  );
  return { left: left.flat(), never: fold(never) };
}
