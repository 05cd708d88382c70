import { readFileSync } from 'node:fs';

/** Lets a number of users through at a time; the others wait in order. */
export class Limit {
  #most: number;
  #used = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  get used(): number {
    return this.#used;
  }

  get most(): number {
    return this.#most;
  }
  /** Somebody waits for a place. */
  get isWanted(): boolean {
    return this.#waiting.length > 0;
  }

  /** Fewer from now on, at least one. */
  lower(most: number): void {
    this.#most = Math.max(1, Math.min(this.#most, most));
  }

  /** A place at once, or none. */
  tryTake(): (() => void) | undefined {
    return this.#used < this.#most ? this.#take() : undefined;
  }

  /**
   * Waits for a place.
   * @returns what gives it back
   * @throws the signal's reason
   */
  async take(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    while (this.#used >= this.#most) await this.#turn(signal);
    return this.#take();
  }

  #take(): () => void {
    this.#used++;
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#used--;
      this.#waiting.shift()?.();
    };
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const abort = () => {
        const at = this.#waiting.indexOf(turn);
        if (at !== -1) this.#waiting.splice(at, 1);
        reject(signal?.reason as Error);
      };
      this.#waiting.push(turn);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
}

/** Files and connections that this process may have open at a time. */
export function mostOpenFiles(): number {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return soft === undefined ? Infinity : Number(soft);
}
