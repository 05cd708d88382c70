import type { Call } from '../../activities/define.ts';
import type { Mode } from '../model/execution.ts';
import { Firsts } from './firsts.ts';
import { pack, unpackNumbers } from './packed.ts';

/** How far a host is with the last command that was begun on it, or that it is to begin. */
export const states = { fresh: 0, running: 1, ok: 2, failed: 3, away: 4, givenUp: 5 } as const;
export type State = (typeof states)[keyof typeof states];
const { fresh, running, ok, failed, away, givenUp } = states;

/** Heartbeat: what the UI and the CLI show of an attempt, and what it leaves to the next one. Times are milliseconds since the first attempt, as no clock of a worker is trusted. */
interface Details {
  /** Place of the command under way; in mode async of the furthest. */
  command: number;
  hosts: number;
  /** Hosts that have ended this command, in mode async all commands, or failed. */
  done: number;
  failed: number;
  running: number;
  /** No further host starts. */
  stopped?: true;
  /** An unreachable host, and why. */
  waitingFor?: string;
  /** Of this heartbeat. */
  now: number;
  /** The attempt came to an end of its own: nothing has happened since. */
  ended: boolean;
  /** From when on hosts may have been sent what no heartbeat has told of; absent when none may. */
  unsureSince?: number;
  /** Since when what runs may have been started. */
  since: number;
  /** Since when the last of the hosts that are away has been. */
  awaySince: number;
  restsUntil: number;
  /** Commands begun and state of each host, packed. */
  at: string;
}

const beatMs = 500;
const stateBits = 3;
const longestReason = 200;

/** How far a slice has come, over all its attempts. */
export class Progress {
  /** Until when the window's places rest. */
  restsUntil = (): number => this.#before.restsUntil;
  /** Where nothing was started, although an earlier attempt was cut short. */
  readonly firsts: Firsts;
  /** No further host starts. */
  stopped = false;
  readonly #call: Call;
  readonly #hosts: readonly string[];
  readonly #places: ReadonlyMap<string, number>;
  readonly #commands: number;
  readonly #mode: Mode;
  readonly #bits: number;
  readonly #begun: number[];
  readonly #state: State[];
  readonly #before: Readonly<{ begun: number[]; state: State[]; since: number; command: number; restsUntil: number }>;
  readonly #sentAt = new Map<string, number>();
  readonly #awaySince = new Map<string, number>();
  readonly #unsureSince: number | undefined;
  #command = 0;
  #ended = false;
  #hasBeaten = false;
  #why = '';
  #beats: NodeJS.Timeout | undefined;

  /**
   * @param carries whether what an earlier attempt has done stays done
   * @param enough see {@link Firsts}
   */
  constructor(call: Call, hosts: readonly string[], commands: number, mode: Mode, carries: boolean, enough = Infinity) {
    this.firsts = new Firsts(enough);
    const found = call.resumed as Details | undefined;
    const before = carries ? found : undefined;
    this.#call = call;
    this.#hosts = hosts;
    this.#places = new Map(hosts.map((host, i) => [host, i]));
    this.#commands = commands;
    this.#mode = mode;
    this.#bits = stateBits + Math.ceil(Math.log2(commands + 1));
    const numbers = unpackNumbers(before?.at ?? '', hosts.length, this.#bits);
    this.#begun = numbers.map((number) => number >> stateBits);
    this.#state = numbers.map((number) => (number & (2 ** stateBits - 1)) as State);
    this.#before = {
      begun: [...this.#begun],
      state: [...this.#state],
      since: before?.since ?? 0,
      command: before?.command ?? 0,
      restsUntil: before?.restsUntil ?? 0,
    };
    for (const [i, host] of hosts.entries())
      if (this.#state[i] === away) this.#awaySince.set(host, before?.awaySince ?? this.now);
    // Of an attempt that was cut short the last heartbeats may be missing.
    const cut = carries && (before ? !before.ended : call.attempt > 1);
    const unsure = [before?.unsureSince, cut ? (before?.now ?? 0) : undefined].filter((time) => time !== undefined);
    this.#unsureSince = unsure.length === 0 ? undefined : Math.min(...unsure);
    this.#command = this.#before.command;
    if (call.attempt > 1) this.beat();
    this.#beats = setInterval(() => this.beat(), beatMs);
  }

  /** @param over whether nothing is left to a next attempt; what was over before the first beat costs the server none */
  end(over: boolean): void {
    clearInterval(this.#beats);
    if (over && !this.#hasBeaten) return;
    this.#ended = true;
    this.beat();
  }
  /** Milliseconds since the first attempt. */
  get now(): number {
    return this.#call.elapsedMs();
  }

  /** @param command place of the one that all hosts are to be given now */
  turnTo(command: number): void {
    this.#command = Math.max(this.#command, command);
  }

  /** How an earlier attempt left a command on a host. */
  before(host: string, command: number): State {
    const [begun, state] = this.#left(host);
    if (begun > command) return begun === command + 1 ? state : ok;
    return begun === command && (state === givenUp || state === away) ? state : fresh;
  }
  /** How an earlier attempt left a host with its way through all commands. */
  beforeAll(host: string): State {
    const [begun, state] = this.#left(host);
    return state === ok && begun < this.#commands ? running : state;
  }
  /** Until when an earlier attempt let the window rest. */
  get restedUntil(): number {
    return this.#before.restsUntil;
  }

  /** Whether a command was sent to a host, by this attempt or as an earlier one has told. */
  wasSent(host: string, command: number): boolean {
    return (this.#begun[this.#place(host)] ?? 0) > command;
  }
  /** Whether an earlier attempt may have sent what it has not told of. */
  get isUnsure(): boolean {
    return this.#unsureSince !== undefined;
  }
  /** Seconds since a command may have been started on a host; 0 when it was not. */
  sinceSeconds(host: string, command: number): number {
    const since = this.#since(host, command);
    return since === undefined ? 0 : Math.max(1, (this.now - since) / 1000);
  }

  #since(host: string, command: number): number | undefined {
    const before = this.before(host, command);
    const [begun] = this.#left(host);
    if (begun > command) return before === running || before === away ? this.#before.since : 0;
    const own = this.wasSent(host, command) ? (this.#sentAt.get(host) ?? 0) : undefined;
    return this.firsts.isSure(host, command) ? own : (this.#unsureSince ?? own);
  }

  /** From now on the command may be under way. */
  sent(host: string, command: number): void {
    if (!this.wasSent(host, command)) this.#sentAt.set(host, this.now);
    this.#set(host, command + 1, running);
  }
  ended(host: string, command: number, how: typeof ok | typeof failed): void {
    this.#set(host, command + 1, how);
  }
  /** @param unsent the command that never began there, if one did not */
  givenUp(host: string, unsent?: number): void {
    this.#set(host, 0, givenUp);
    if (unsent !== undefined) this.#begun[this.#place(host)] = unsent;
  }
  isGivenUp(host: string): boolean {
    return this.#state[this.#place(host)] === givenUp;
  }
  /** Notes that a host cannot be reached. Returns for how many milliseconds it has not been. */
  away(host: string, why: string): number {
    const since = this.#awaySince.get(host) ?? this.now;
    this.#set(host, 0, away);
    this.#awaySince.set(host, since);
    this.#why = why.slice(0, longestReason);
    return this.now - since;
  }

  #set(host: string, begun: number, state: State): void {
    const at = this.#place(host);
    this.#begun[at] = Math.max(this.#begun[at] ?? 0, begun);
    this.#state[at] = state;
    this.#awaySince.delete(host);
  }
  #place(host: string): number {
    return this.#places.get(host) ?? 0;
  }
  #left(host: string): [begun: number, state: State] {
    const at = this.#place(host);
    return [this.#before.begun[at] ?? 0, this.#before.state[at] ?? fresh];
  }

  beat(): void {
    this.#hasBeaten = true;
    const counts = { done: 0, failed: 0, running: 0, away: 0 };
    let since = this.now;
    for (const [i, state] of this.#state.entries()) {
      const begun = this.#begun[i] ?? 0;
      if (state === failed || state === givenUp) counts.failed++;
      if (state === failed || state === givenUp || (state === ok && begun >= this.#needed)) counts.done++;
      else if (state === running || (state === ok && this.#mode === 'async')) counts.running++;
      if (state === away) counts.away++;
      if (state === running || state === away) since = Math.min(since, this.#sentOf(i) ?? since);
    }
    const more = counts.away > 1 ? ` (and ${counts.away - 1} more)` : '';
    const details: Details = {
      command: this.#mode === 'async' ? Math.max(0, ...this.#begun.map((begun) => begun - 1)) : this.#command,
      hosts: this.#hosts.length,
      done: counts.done,
      failed: counts.failed,
      running: counts.running,
      ...(this.stopped && { stopped: true }),
      ...(counts.away > 0 && { waitingFor: `${this.#why}${more}` }),
      now: this.now,
      ended: this.#ended,
      ...(this.#unsureSince !== undefined && { unsureSince: this.#unsureSince }),
      since,
      awaySince: Math.max(0, ...this.#awaySince.values()),
      restsUntil: this.restsUntil(),
      at: pack(
        this.#begun.map((begun, i) => begun * 2 ** stateBits + (this.#state[i] ?? fresh)),
        this.#bits,
      ),
    };
    this.#call.heartbeat(details);
  }

  /** When what may run on a host was sent, as far as that is known. */
  #sentOf(place: number): number | undefined {
    const own = this.#sentAt.get(this.#hosts[place] ?? '');
    if (own !== undefined || (this.#begun[place] ?? 0) === 0) return this.#unsureSince ?? own;
    return this.#before.state[place] === running || this.#before.state[place] === away ? this.#before.since : undefined;
  }

  /** Commands a host has to have been given to be done. */
  get #needed(): number {
    return this.#mode === 'async' ? this.#commands : this.#command + 1;
  }
}
