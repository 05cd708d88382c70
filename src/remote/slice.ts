import type { Call } from '../../activities/define.ts';
import { formatMs } from '../model/duration.ts';
import { OpsError, isOpsError, messageOf } from '../model/errors.ts';
import { fold } from '../model/host-set.ts';
import { type HostCommand, type HostResult, type SliceResult, isOk } from '../model/remote-result.ts';
import type { Result, RunOptions } from './command.ts';
import { Limit } from './limit.ts';
import { Capture, shareOut } from './output.ts';
import { OutputLog, outputFile } from './output-log.ts';
import { Progress } from './progress.ts';

/** Commands for a slice of hosts: each on all of them before the next, as long as it succeeds on all. */
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
}

/** Hosts worked on at a time. */
const width = 64;

type Outcome = Pick<HostResult, 'host' | 'exitCode' | 'signal' | 'durationMs' | 'error'> & { capture: Capture };

/** One attempt at a slice. */
export class Slice {
  readonly #input: SliceInput;
  readonly #call: Call;
  readonly #once: boolean;
  readonly #token: string;
  readonly #patienceMs: number;
  readonly #progress: Progress;
  readonly #logs = new Map<string, OutputLog>();

  /** @param once commands may change something: journalled, at most once */
  constructor(input: SliceInput, call: Call, once: boolean) {
    this.#input = input;
    this.#call = call;
    this.#once = once;
    this.#token = tokenOf(input, call);
    this.#patienceMs = input.patienceMs ?? (once ? 300_000 : 30_000);
    this.#progress = new Progress(call);
  }

  /**
   * Runs the commands. What fails on a host is part of the result.
   * @throws UNREACHABLE or CONNECTION_LOST of kind transient while hosts may still come back; the abort's reason;
   *   STILL_RUNNING when what was cancelled could not be ended
   */
  async run(): Promise<SliceResult> {
    const { commands } = this.#input;
    const all: { outcome: Outcome; command: number }[] = [];
    try {
      for (const [index, command] of commands.entries()) {
        const outcomes = await this.#runOne(index, command);
        all.push(...outcomes.map((outcome) => ({ outcome, command: index })));
        if (!outcomes.every((outcome) => isOk(outcome, command))) break;
      }
    } finally {
      await Promise.all([...this.#logs.values()].map((log) => log.close()));
    }
    const { outputs, of } = shareOut(all.map(({ outcome }) => outcome.capture));
    const results = all.map(({ outcome: { capture: _, ...outcome }, command }, i) => ({
      ...outcome,
      command,
      output: of[i] ?? 0,
    }));
    return { results, outputs };
  }

  async #runOne(index: number, { command, timeoutMs }: HostCommand): Promise<Outcome[]> {
    const { hosts } = this.#input;
    const { signal } = this.#call;
    const down = new Map<string, OpsError>();
    const limit = new Limit(width);
    this.#progress.begin(index, hosts);
    let outcomes: Outcome[];
    try {
      outcomes = await Promise.all(
        hosts.map(async (host) => {
          const leave = await limit.take();
          try {
            return await this.#onHost(host, index, command, timeoutMs, down);
          } finally {
            leave();
          }
        }),
      );
    } finally {
      this.#progress.end();
    }
    if (signal.aborted) throw await this.#givenUp(outcomes, index, command, down);
    return down.size === 0 ? outcomes : this.#waitFor(outcomes, down);
  }

  async #onHost(
    host: string,
    index: number,
    command: string,
    timeoutMs: number | undefined,
    down: Map<string, OpsError>,
  ): Promise<Outcome> {
    const capture = new Capture();
    const log = this.#logOf(host);
    log.begin(command);
    const started = performance.now();
    try {
      const options = { timeoutMs, capture, onOutput: (chunk: Buffer) => log.write(chunk) };
      const { exitCode, signal, durationMs } = await this.#execute(host, index, command, options);
      this.#progress.done.add(host);
      return { host, exitCode, ...(signal !== undefined && { signal }), durationMs, capture };
    } catch (error) {
      if (!isOpsError(error) && !this.#call.signal.aborted) throw error;
      const known = isOpsError(error) ? error : new OpsError('transient', 'GIVEN_UP', messageOf(error));
      if (known.kind === 'transient') down.set(host, known);
      else this.#progress.done.add(host);
      const { kind, code, message } = known;
      const durationMs = Math.round(performance.now() - started);
      return { host, exitCode: null, durationMs, capture, error: { kind, code, message } };
    }
  }

  #execute(host: string, index: number, command: string, options: RunOptions): Promise<Result> {
    const { remote } = this.#call.deps;
    const all = { ...runOptions(this.#input), ...options, signal: this.#call.signal };
    if (!this.#once) return remote.run(host, command, all);
    return remote.runOnce(host, command, {
      ...all,
      token: this.#token,
      index,
      sinceSeconds: () => this.#progress.sinceSeconds(host),
      sent: () => void this.#progress.sent.add(host),
    });
  }

  /** Why the attempt ends, once nobody it began is left behind. */
  async #givenUp(
    outcomes: readonly Outcome[],
    index: number,
    command: string,
    down: ReadonlyMap<string, OpsError>,
  ): Promise<Error> {
    // Those whose connection was lost before: another try finds the signal aborted, and ends the command.
    const again = [...down.keys()].filter((host) => this.#once && this.#progress.sent.has(host));
    const ends = await Promise.allSettled(again.map((host) => this.#execute(host, index, command, {})));
    const errors = ends.map((end): unknown => (end.status === 'rejected' ? end.reason : undefined));
    const left = [...outcomes.map(({ error }) => error), ...errors.filter(isOpsError)].flatMap((error) =>
      error?.code === 'STILL_RUNNING' ? [error.message] : [],
    );
    if (left.length === 0) return this.#call.signal.reason as Error;
    return new OpsError('unknown', 'STILL_RUNNING', left.join('; '));
  }

  /** Unreachable hosts: the next attempt tries them again, until their time is up. */
  #waitFor(outcomes: Outcome[], down: ReadonlyMap<string, OpsError>): Outcome[] {
    const hosts = [...down.keys()];
    const away = this.#progress.away(hosts);
    if (away < this.#patienceMs) {
      const [error] = down.values();
      const others = hosts.length > 1 ? ` (and ${hosts.length - 1} more: ${fold(hosts)})` : '';
      throw new OpsError('transient', error?.code ?? 'UNREACHABLE', `${error?.message ?? ''}${others}`, { hosts });
    }
    return outcomes.map((outcome) => {
      const error = down.get(outcome.host);
      if (!error) return outcome;
      const kind = this.#once && this.#progress.sent.has(outcome.host) ? 'unknown' : 'failed';
      const message = `${error.message}, tried for ${formatMs(away)}`;
      return { ...outcome, error: { kind, code: error.code, message } };
    });
  }

  #logOf(host: string): OutputLog {
    let log = this.#logs.get(host);
    if (!log) {
      const { deps, run, token } = this.#call;
      const step = token.startsWith(`${run}/`) ? token.slice(run.length + 1) : token;
      log = new OutputLog(outputFile(deps.config.state_dir, run, step, host));
      this.#logs.set(host, log);
    }
    return log;
  }
}

const tokenOf = ({ id }: Pick<SliceInput, 'id'>, { run, token }: Call): string =>
  id === undefined ? token : `${run} ${id}`;

const runOptions = ({ sudo, user, env, stdin, installer }: Omit<SliceInput, 'hosts' | 'commands'>): RunOptions => ({
  sudo,
  user,
  env,
  stdin,
  access: installer === true ? 'installer' : 'normal',
});

/** What is ended when nobody was there to end it. */
export type EndInput = Omit<SliceInput, 'commands' | 'patienceMs' | 'stdin' | 'env'> & {
  /** Number of its commands. */
  commands: number;
};

/** Ends the commands of a slice wherever they run. Returns why they may go on, one line per host. */
export async function endSlice(input: EndInput, call: Call): Promise<string[]> {
  const { remote } = call.deps;
  const limit = new Limit(width);
  const left = await Promise.all(
    input.hosts.map(async (host) => {
      const leave = await limit.take();
      try {
        for (let index = 0; index < input.commands; index++) {
          const why = await remote.endOnce(host, { ...runOptions(input), token: tokenOf(input, call), index });
          if (why !== undefined) return [`${host}: ${why}`];
        }
        return [];
      } finally {
        leave();
      }
    }),
  );
  return left.flat();
}
