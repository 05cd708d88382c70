import type { Call } from '../../activities/define.ts';
import { expand, fold } from '../model/host-set.ts';

/** What an attempt leaves to the next one, and what the UI shows of it: folded host names, milliseconds since 1970. */
interface Details {
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

const beatMs = 500;

/** How far a slice has come, over all its attempts. */
export class Progress {
  readonly done = new Set<string>();
  readonly sent = new Set<string>();
  readonly #call: Call;
  readonly #before: Details | undefined;
  readonly #startedAt: number;
  #command = 0;
  #since = Date.now();
  #down = '';
  #downSince = 0;
  #beats: NodeJS.Timeout | undefined;

  constructor(call: Call) {
    this.#call = call;
    this.#before = call.resumed as Details | undefined;
    this.#startedAt = this.#before?.startedAt ?? Date.now();
    this.#down = this.#before?.down ?? '';
    this.#downSince = this.#before?.downSince ?? 0;
  }

  /** @param hosts on all of which an earlier attempt has finished the commands before its last one */
  begin(command: number, hosts: readonly string[]): void {
    const before = this.#before;
    this.#command = command;
    this.#since = before?.command === command ? before.since : Date.now();
    this.done.clear();
    this.sent.clear();
    const formerly = !before || command > before.command ? [] : command < before.command ? hosts : unfold(before.sent);
    for (const host of formerly) this.sent.add(host);
    this.beat();
    this.#beats = setInterval(() => this.beat(), beatMs);
  }

  end(): void {
    clearInterval(this.#beats);
    this.beat();
  }

  /** Seconds since the command under way may have been started on a host; 0 when it was not. */
  sinceSeconds(host: string): number {
    if (!this.sent.has(host)) return 0;
    const since = this.#command < (this.#before?.command ?? 0) ? this.#startedAt : this.#since;
    return Math.max(1, (Date.now() - since) / 1000);
  }

  /** Notes which hosts are unreachable. Returns for how many milliseconds all of them have been. */
  away(hosts: Iterable<string>): number {
    const down = [...hosts];
    const formerly = new Set(unfold(this.#before?.down ?? ''));
    const same = down.every((host) => formerly.has(host));
    this.#down = fold(down);
    this.#downSince = same ? (this.#before?.downSince ?? Date.now()) : Date.now();
    this.beat();
    return Date.now() - this.#downSince;
  }

  beat(): void {
    const details: Details = {
      startedAt: this.#startedAt,
      command: this.#command,
      since: this.#since,
      done: fold(this.done),
      sent: fold(this.sent),
      down: this.#down,
      downSince: this.#downSince,
    };
    this.#call.heartbeat(details);
  }
}

const unfold = (hosts: string): string[] => (hosts === '' ? [] : expand(hosts));
