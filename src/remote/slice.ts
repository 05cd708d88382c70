import type { Call } from '../../activities/define.ts';
import { formatMs } from '../model/duration.ts';
import { OpsError, isOpsError } from '../model/errors.ts';
import { expand, fold } from '../model/host-set.ts';
import { type HostCommand, type HostResult, type SliceResult, isOk } from '../model/remote-result.ts';
import type { Result, RunOptions } from './command.ts';
import { Limit } from './limit.ts';
import { Capture, shareOut } from './output.ts';
import { OutputLog, outputFile } from './output-log.ts';
import type { Remote } from './remote.ts';

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
  /** Milliseconds for which a host may stay unreachable. */
  patienceMs?: number;
}

/** Hosts worked on at a time. */
const width = 64;
const beatMs = 500;

/** What an attempt leaves to the next one, and what the UI shows of it; folded host names. */
interface Progress {
  /** Times are milliseconds since 1970. */
  startedAt: number;
  /** The command under way, and since when. */
  command: number;
  since: number;
  done: string;
  /** Where the command may have been started. */
  sent: string;
  /** Unreachable at the end of the attempt, and since when. */
  down: string;
  downSince: number;
}

type Outcome = Pick<HostResult, 'host' | 'exitCode' | 'signal' | 'durationMs' | 'error'> & { capture: Capture };

/** One attempt at a slice. */
export class Slice {
  readonly #input: SliceInput;
  readonly #call: Call;
  readonly #once: boolean;
  readonly #before: Progress | undefined;
  readonly #startedAt: number;
  readonly #patienceMs: number;
  readonly #logs = new Map<string, OutputLog>();
  readonly #sent = new Set<string>();
  readonly #done = new Set<string>();
  #command = 0;
  #since = Date.now();

  /** @param once commands may change something: journalled, at most once */
  constructor(input: SliceInput, call: Call, once: boolean) {
    this.#input = input;
    this.#call = call;
    this.#once = once;
    this.#before = call.resumed as Progress | undefined;
    this.#startedAt = this.#before?.startedAt ?? Date.now();
    this.#patienceMs = input.patienceMs ?? (once ? 300_000 : 30_000);
  }

  /**
   * Runs the commands. What fails on a host is part of the result.
   * @throws UNREACHABLE or CONNECTION_LOST of kind transient while hosts may still come back; the abort's reason
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

  async #runOne(index: number, command: HostCommand): Promise<Outcome[]> {
    this.#command = index;
    this.#since = this.#before?.command === index ? this.#before.since : Date.now();
    this.#done.clear();
    this.#sent.clear();
    for (const host of this.#formerly(index)) this.#sent.add(host);
    const down = new Map<string, OpsError>();
    this.#beat();
    const beats = setInterval(() => this.#beat(), beatMs);
    let outcomes: Outcome[];
    try {
      const limit = new Limit(width);
      outcomes = await Promise.all(
        this.#input.hosts.map(async (host) => {
          const leave = await limit.take();
          try {
            return await this.#onHost(host, index, command, down);
          } finally {
            leave();
          }
        }),
      );
    } finally {
      clearInterval(beats);
    }
    this.#giveWay(outcomes);
    return down.size === 0 ? outcomes : this.#waitFor(outcomes, down);
  }

  async #onHost(host: string, index: number, { command, timeoutMs }: HostCommand, down: Map<string, OpsError>) {
    const { call, input } = { call: this.#call, input: this.#input };
    const capture = new Capture();
    const log = this.#logOf(host);
    log.begin(command);
    const options: RunOptions = {
      timeoutMs,
      sudo: input.sudo,
      user: input.user,
      env: input.env,
      stdin: input.stdin,
      access: input.installer === true ? 'installer' : 'normal',
      signal: call.signal,
      capture,
      onOutput: (chunk) => log.write(chunk),
    };
    const started = performance.now();
    try {
      call.signal.throwIfAborted();
      const { exitCode, signal, durationMs } = await this.#execute(call.deps.remote, host, command, index, options);
      this.#done.add(host);
      return { host, exitCode, ...(signal !== undefined && { signal }), durationMs, capture };
    } catch (error) {
      // When all give way, what counts is whom it left behind.
      if (!isOpsError(error) && !call.signal.aborted) throw error;
      const known = isOpsError(error) ? error : new OpsError('transient', 'ABORTED', 'given up');
      if (known.kind === 'transient') down.set(host, known);
      else this.#done.add(host);
      const { kind, code, message } = known;
      const durationMs = Math.round(performance.now() - started);
      return { host, exitCode: null, durationMs, capture, error: { kind, code, message } };
    }
  }

  #execute(remote: Remote, host: string, command: string, index: number, options: RunOptions): Promise<Result> {
    if (!this.#once) return remote.run(host, command, options);
    const since = index < (this.#before?.command ?? 0) ? this.#startedAt : this.#since;
    return remote.runOnce(host, command, {
      ...options,
      token: this.#call.token,
      index,
      sinceSeconds: this.#sent.has(host) ? Math.max(1, (Date.now() - since) / 1000) : 0,
      sent: () => void this.#sent.add(host),
    });
  }

  /** Hosts on which an earlier attempt may have started this command. */
  #formerly(index: number): readonly string[] {
    if (!this.#before || index > this.#before.command) return [];
    return index < this.#before.command ? this.#input.hosts : unfold(this.#before.sent);
  }

  #giveWay(outcomes: readonly Outcome[]): void {
    const { signal } = this.#call;
    if (!signal.aborted) return;
    const left = outcomes.filter(({ error }) => error?.code === 'STILL_RUNNING');
    if (left.length > 0)
      throw new OpsError('unknown', 'STILL_RUNNING', left.map(({ error }) => error?.message).join('; '), {
        hosts: left.map(({ host }) => host),
      });
    throw signal.reason as Error;
  }

  /** Unreachable hosts: the next attempt tries them again, until their time is up. */
  #waitFor(outcomes: Outcome[], down: ReadonlyMap<string, OpsError>): Outcome[] {
    const formerly = new Set(unfold(this.#before?.down ?? ''));
    const same = [...down.keys()].every((host) => formerly.has(host));
    const downSince = same ? (this.#before?.downSince ?? Date.now()) : Date.now();
    const away = Date.now() - downSince;
    if (away < this.#patienceMs) {
      this.#beat({ down: fold(down.keys()), downSince });
      const [error] = down.values();
      const others = down.size > 1 ? ` (and ${down.size - 1} more: ${fold(down.keys())})` : '';
      throw new OpsError('transient', error?.code ?? 'UNREACHABLE', `${error?.message ?? ''}${others}`, {
        hosts: [...down.keys()],
      });
    }
    return outcomes.map((outcome) => {
      const error = down.get(outcome.host);
      if (!error) return outcome;
      const kind = this.#once && this.#sent.has(outcome.host) ? 'unknown' : 'failed';
      const message = `${error.message}, tried for ${formatMs(away)}`;
      return { ...outcome, error: { kind, code: error.code, message } };
    });
  }

  #beat(
    down: Pick<Progress, 'down' | 'downSince'> = {
      down: this.#before?.down ?? '',
      downSince: this.#before?.downSince ?? 0,
    },
  ) {
    const progress: Progress = {
      startedAt: this.#startedAt,
      command: this.#command,
      since: this.#since,
      done: fold(this.#done),
      sent: fold(this.#sent),
      ...down,
    };
    this.#call.heartbeat(progress);
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

const unfold = (hosts: string): string[] => (hosts === '' ? [] : expand(hosts));
