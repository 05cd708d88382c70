import type { Call } from '../../activities/define.ts';
import { expand, fold } from '../model/host-set.ts';

/** What an attempt leaves to the next one, and what the UI shows of it: folded host names, and milliseconds since the first attempt, as no clock of a worker is trusted. */
interface Details {
  /** The command under way, and since when. */
  command: number;
  since: number;
  done: string;
  /** Where the command may have been started. */
  sent: string;
  /** The attempt came to an end of its own: nothing has happened since. */
  ended: boolean;
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
  #command = 0;
  #since = 0;
  #down = '';
  #downSince = 0;
  #ended = false;
  #beats: NodeJS.Timeout | undefined;

  constructor(call: Call) {
    this.#call = call;
    this.#before = call.resumed as Details | undefined;
    this.#down = this.#before?.down ?? '';
    this.#downSince = this.#before?.downSince ?? 0;
  }

  /** @param hosts on all of which an earlier attempt has finished the commands before its last one */
  begin(command: number, hosts: readonly string[]): void {
    const before = this.#before;
    this.#command = command;
    this.#ended = false;
    const begun = command <= (before?.command ?? -1) || this.#cutShort;
    this.#since = !begun ? this.#call.elapsedMs() : command < (before?.command ?? 0) ? 0 : (before?.since ?? 0);
    this.done.clear();
    this.sent.clear();
    for (const host of this.#formerly(hosts)) this.sent.add(host);
    this.beat();
    this.#beats = setInterval(() => this.beat(), beatMs);
  }

  end(): void {
    clearInterval(this.#beats);
    this.#ended = true;
    this.beat();
  }

  // Of an attempt that was cut short the last heartbeats may be missing: what they do not say may have happened.
  #formerly(hosts: readonly string[]): readonly string[] {
    const before = this.#before;
    if (this.#cutShort || this.#command < (before?.command ?? 0)) return hosts;
    return this.#command === before?.command ? unfold(before.sent) : [];
  }

  get #cutShort(): boolean {
    return this.#before ? !this.#before.ended : this.#call.attempt > 1;
  }

  /** Seconds since the command under way may have been started on a host; 0 when it was not. */
  sinceSeconds(host: string): number {
    if (!this.sent.has(host)) return 0;
    return Math.max(1, (this.#call.elapsedMs() - this.#since) / 1000);
  }

  /** Notes which hosts are unreachable. Returns for how many milliseconds all of them have been. */
  away(hosts: Iterable<string>): number {
    const down = [...hosts];
    const formerly = new Set(unfold(this.#before?.down ?? ''));
    const same = down.every((host) => formerly.has(host));
    this.#down = fold(down);
    const now = this.#call.elapsedMs();
    this.#downSince = same ? (this.#before?.downSince ?? now) : now;
    this.beat();
    return now - this.#downSince;
  }

  beat(): void {
    const details: Details = {
      command: this.#command,
      since: this.#since,
      done: fold(this.done),
      sent: fold(this.sent),
      ended: this.#ended,
      down: this.#down,
      downSince: this.#downSince,
    };
    this.#call.heartbeat(details);
  }
}

const unfold = (hosts: string): string[] => (hosts === '' ? [] : expand(hosts));
