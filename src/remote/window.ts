import { after } from '../timer.ts';

/** How hosts are let in, one after the other. */
export interface WindowOptions {
  /** Hosts that nothing was begun on, in the order in which they start. */
  pending: readonly string[];
  /** Most hosts under way at a time. */
  size: number;
  /** How many may fail before no further host starts. */
  allowed: number;
  /** Milliseconds for which a place rests once its host has ended. */
  restMs?: number;
  /**
   * A host that cannot be reached keeps its place and counts as failed until it answers; otherwise it gives its place to
   * the next.
   */
  strict?: boolean;
  /** What an earlier attempt has left under way. */
  running?: readonly string[];
  /** How many hosts have ended before, and how many of them failed. */
  ended?: number;
  failed?: number;
  /** Until when places may rest from an earlier attempt. */
  restsUntil?: number;
}

/** A sliding window over hosts: who may start, and when. It knows no time but what it is told. */
export class Window {
  readonly #options: Required<WindowOptions>;
  readonly #running = new Set<string>();
  readonly #away = new Set<string>();
  #adopted: readonly string[];
  #next = 0;
  #begun: number;
  #failed: number;
  #rests: number[] = [];
  #stopped = false;

  constructor(options: WindowOptions) {
    this.#options = { restMs: 0, strict: false, running: [], ended: 0, failed: 0, restsUntil: 0, ...options };
    const { running, ended, restMs, restsUntil, size } = this.#options;
    this.#adopted = running;
    this.#begun = ended + running.length;
    this.#failed = this.#options.failed;
    // Whose place rests is not known any more: each that is free may.
    if (restMs > 0 && this.#begun >= size)
      this.#rests = Array<number>(Math.max(0, size - running.length)).fill(restsUntil);
  }

  get running(): number {
    return this.#running.size;
  }
  get failed(): number {
    return this.#failed;
  }
  /** Nothing is under way, and nothing will start any more. */
  get over(): boolean {
    return this.#running.size === 0 && this.#adopted.length === 0 && (this.#closed || this.#left === 0);
  }
  /** Hosts that start now. */
  take(now: number): string[] {
    const taken = [...this.#adopted];
    this.#adopted = [];
    this.#rests = this.#rests.filter((until) => until > now);
    for (const host of taken) this.#running.add(host);
    while (this.#left > 0 && !this.#closed && this.#places > 0 && !this.#inDoubt) {
      const host = this.#options.pending[this.#next++] as string;
      this.#running.add(host);
      this.#begun++;
      taken.push(host);
    }
    return taken;
  }

  /** A host has ended, and its place rests. */
  end(host: string, ok: boolean, now: number): void {
    this.#running.delete(host);
    if (!ok) this.#failed++;
    const held = !this.#away.delete(host) || this.#options.strict;
    const { restMs, size } = this.#options;
    if (held && restMs > 0 && this.#begun >= size) this.#rests.push(now + restMs);
  }

  /** A host cannot be reached, or can be again. */
  away(host: string, away: boolean): void {
    if (away) this.#away.add(host);
    else this.#away.delete(host);
  }

  /** No further host starts. */
  stop(): void {
    this.#stopped = true;
  }

  /** When to look again although nothing ended; nothing when that is not needed. */
  get wakeAt(): number | undefined {
    return this.#rests.length === 0 || this.#left === 0 || this.#closed ? undefined : Math.min(...this.#rests);
  }

  get #left(): number {
    return this.#options.pending.length - this.#next;
  }
  get #closed(): boolean {
    return this.#stopped || this.#failed > this.#options.allowed;
  }
  get #inDoubt(): boolean {
    return this.#options.strict && this.#failed + this.#away.size > this.#options.allowed;
  }
  get #places(): number {
    const held = this.#options.strict ? this.#running.size : this.#running.size - this.#away.size;
    return this.#options.size - held - this.#rests.length;
  }
}

/**
 * Lets hosts through a window until none is left that may start and all that started have ended.
 * @param clock milliseconds since some moment
 * @param body what is done on a host; whether it succeeded
 * @throws what a body throws, once all have ended
 */
export function slide(window: Window, clock: () => number, body: (host: string) => Promise<boolean>): Sliding {
  let cancel: () => void = () => undefined;
  let settle: () => void = () => undefined;
  const errors: unknown[] = [];
  const ended = new Promise<void>((resolve) => (settle = resolve));
  const run = async (host: string) => {
    let ok = false;
    try {
      ok = await body(host);
    } catch (error) {
      errors.push(error);
      window.stop();
    }
    window.end(host, ok, clock());
    look();
  };
  const look = () => {
    cancel();
    for (const host of window.take(clock())) void run(host);
    if (window.over) settle();
    else if (window.wakeAt !== undefined) cancel = after(window.wakeAt - clock() + 1, look);
  };
  look();
  return {
    look,
    ended: ended.then(() => {
      if (errors.length > 0) throw errors[0];
    }),
  };
}

export interface Sliding {
  /** To be called after the window was told something. */
  look: () => void;
  ended: Promise<void>;
}
