/** What a process knows of a lease. */
export interface Life {
  /** Milliseconds it lives on at the least; 0 when nothing is known. */
  leftMs: number;
  /** Its full time in milliseconds. */
  ttlMs: number;
}

/** Leases that are over are remembered up to so many; each is granted once only. */
const mostOver = 10_000;

/** Until when leases live, by a clock that nobody sets; reckoned from when a renewal was asked for, as etcd got it later. */
export class Lifetimes {
  // The oldest renewal first.
  readonly #known = new Map<string, { until: number; ttlMs: number }>();

  readonly #over = new Set<string>();

  /** @param asked when, by `performance.now()` @param seconds granted; 0 when it is over */
  note(lease: string, asked: number, seconds: number): void {
    this.#known.delete(lease);
    if (seconds > 0 && !this.#over.has(lease))
      this.#known.set(lease, { until: asked + seconds * 1000, ttlMs: seconds * 1000 });
    for (const [old, { until }] of this.#known) {
      if (until > performance.now()) break;
      this.#known.delete(old);
    }
  }

  /** It is over, whatever an answer under way says. */
  end(lease: string): void {
    this.#known.delete(lease);
    this.#over.add(lease);
    for (const oldest of this.#over) {
      if (this.#over.size <= mostOver) break;
      this.#over.delete(oldest);
    }
  }

  of(lease: string): Life {
    const { until = 0, ttlMs = 0 } = this.#known.get(lease) ?? {};
    return { leftMs: Math.max(0, until - performance.now()), ttlMs };
  }
}
