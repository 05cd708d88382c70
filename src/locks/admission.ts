/** What one holder, or one who wants to be one, demands. */
export interface Demand {
  /** How many holders it bears, itself included; 0 is any number. */
  concurrency: number;
}

/** Who may enter a lock, and what stands against it. */
export interface Admission {
  enter: boolean;
  /** Holders now. */
  count: number;
  /** Holders the strictest of all bears; Infinity when everybody asked for unlimited. */
  allowed: number;
}

/**
 * Decides whether a newcomer may hold a lock: nobody waits before it, and it fits into the strictest concurrency of
 * the live holders and its own. Fewer holders never turn a yes into a no, so a decision stays right until one is added.
 * @param ahead how many wait who came before it
 */
export function admit(holders: readonly Demand[], ahead: number, newcomer: Demand): Admission {
  const limits = [...holders, newcomer].map(({ concurrency }) => concurrency).filter((concurrency) => concurrency > 0);
  const allowed = Math.min(Number.POSITIVE_INFINITY, ...limits);
  return { enter: ahead === 0 && holders.length < allowed, count: holders.length, allowed };
}
