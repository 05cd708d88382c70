/** That a run held a lock, as its own worker saw it; times in milliseconds of one steady clock. */
export interface Holding {
  lock: string;
  run: string;
  /** Holders it bears, itself included; 0 is any number. */
  concurrency: number;
  fence: bigint;
  /** When it began to ask. */
  asked: number;
  /** When it knew that it has it. */
  from: number;
  /** When it began to give it back, learned that it is lost, or had to reckon with that. */
  until: number;
  /** When the lease may be over, reckoned from when its last renewal was asked for. */
  leaseEnds: number;
  /** When the last worker that renewed its lease began to. */
  keptFrom: number;
  /** When it learned that it is lost. */
  lostAt?: number;
  /** What it did under the lock, and whether the machine that knows fencing numbers let it. */
  effects: readonly { t: number; accepted: boolean }[];
}

/** What is wrong with a history, in words; nothing when it could have come from a lock that nobody ever shared unduly. */
export function violationsOf(holdings: readonly Holding[]): string[] {
  const byLock = Map.groupBy(holdings, ({ lock }) => lock);
  return [...byLock.values()].flatMap((one) => [...crowding(one), ...order(one), ...refusals(one)]);
}

/** A worker that takes over asks etcd for so long before it gives up a lease that may be over. */
const firstAnswerMs = 5000;

/** Losses that a run learned of later than it had to. @param slackMs how busy the machine may be */
export function lateLosses(holdings: readonly Holding[], slackMs: number): string[] {
  return holdings.flatMap((holding) => {
    const late = (holding.lostAt ?? 0) - Math.max(holding.leaseEnds, holding.keptFrom + firstAnswerMs);
    return late > slackMs ? [`${name(holding)} learned ${late.toFixed()} ms too late that it is lost`] : [];
  });
}

/** Losses before their time: somebody removed the key, or etcd was wrong about its lease. */
export function earlyLosses(holdings: readonly Holding[], slackMs: number): string[] {
  return holdings.flatMap((holding) => {
    const early = holding.leaseEnds - (holding.lostAt ?? Infinity);
    return early > slackMs ? [`${name(holding)} was lost ${early.toFixed()} ms before its lease was over`] : [];
  });
}

const name = ({ lock, run, fence }: Holding) => `${run}, holder ${fence} of ${lock},`;

/** At no time are there more than the strictest of those who hold it then bears. */
function crowding(holdings: readonly Holding[]): string[] {
  const found: string[] = [];
  let inside: Holding[] = [];
  for (const holding of holdings.filter(({ from, until }) => from < until).sort((a, b) => a.from - b.from)) {
    inside = [...inside.filter(({ until }) => until > holding.from), holding];
    const limits = inside.map(({ concurrency }) => concurrency).filter((limit) => limit > 0);
    const allowed = Math.min(Infinity, ...limits);
    if (inside.length > allowed) {
      const others = inside
        .slice(0, -1)
        .map((other) => `${name(other)} until ${(other.until - holding.from).toFixed(1)} ms later`);
      found.push(`${name(holding)} entered where ${allowed} are allowed, beside ${others.join('; ')}`);
    }
  }
  return found;
}

/** Who asks after another one has got it has a greater fencing number, and no number is given twice. */
function order(holdings: readonly Holding[]): string[] {
  const found: string[] = [];
  const entered = [...holdings].sort((a, b) => a.from - b.from);
  const numbers = new Set<bigint>();
  let [next, greatest]: [number, Holding | undefined] = [0, undefined];
  for (const holding of [...holdings].sort((a, b) => a.asked - b.asked)) {
    if (numbers.has(holding.fence)) found.push(`${name(holding)} has a fencing number that was given before`);
    numbers.add(holding.fence);
    for (let one = entered[next]; one && one.from < holding.asked; one = entered[++next])
      if (!greatest || one.fence > greatest.fence) greatest = one;
    if (greatest && greatest.fence >= holding.fence)
      found.push(
        `${name(holding)} has no greater fencing number than ${name(greatest)} who had got it before it asked`,
      );
  }
  return found;
}

/** Nobody who holds an exclusive lock by rights is refused. */
const refusals = (holdings: readonly Holding[]): string[] =>
  holdings.flatMap((holding) =>
    holding.effects
      .filter(({ t, accepted }) => !accepted && t < holding.until)
      .map(({ t }) => `${name(holding)} was refused ${(holding.until - t).toFixed(1)} ms before its time was over`),
  );
