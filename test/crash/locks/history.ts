import { readFileSync } from 'node:fs';
import type { Holding } from './check.ts';

/** Milliseconds of a clock that all processes of this machine share and that nobody sets. */
export const steadyMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** What a contender notes before, or right after, it happens; `t` is of {@link steadyMs}. */
export type Event = { t: number; run: string } & (
  | { what: 'asks'; lock: string; concurrency: number; ttl: number; holdMs?: number }
  /** `leaseFrom`: when the lease was asked for. */
  | { what: 'got'; key: string; leaseId: string; revision: string; leaseFrom: number }
  /** Its lease is renewed from now on. */
  | { what: 'keeps' }
  /** `from`: when the renewal was asked for; `details` are the heartbeat's. */
  | { what: 'renewed'; from: number; details: unknown }
  | { what: 'lost'; why: string }
  | { what: 'effect'; accepted: boolean }
  | { what: 'gives' }
  | { what: 'gone' }
);

/** The events of one process after another that wrote a file; the last line may have been cut by its death. */
export function readEvents(file: string): Event[] {
  const lines = readFileSync(file, { encoding: 'utf8', flag: 'a+' }).split('\n');
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as Event];
    } catch {
      return [];
    }
  });
}

/** The events of each run, in order. */
export function byRun(events: readonly Event[]): Map<string, Event[]> {
  const runs = new Map<string, Event[]>();
  for (const event of events) {
    const own = runs.get(event.run) ?? [];
    own.push(event);
    runs.set(event.run, own);
  }
  return runs;
}

/** What each run held, by its own view; nothing of a run that got nothing. */
export function holdingsOf(events: readonly Event[]): Holding[] {
  return [...byRun(events)].flatMap(([run, own]) => {
    const holding = holdingOf(run, own);
    return holding ? [holding] : [];
  });
}

function holdingOf(run: string, events: readonly Event[]): Holding | undefined {
  const find = <W extends Event['what']>(what: W) =>
    events.find((event): event is Extract<Event, { what: W }> => event.what === what);
  const [asked, got, gives] = [find('asks'), find('got'), find('gives')];
  if (!asked || !got) return undefined;
  // A worker that came back may tell of a lock that was given back before.
  const lost = events.find((event) => event.what === 'lost' && event.t < (gives?.t ?? Infinity));
  const renewals = events.flatMap((event) => (event.what === 'renewed' ? [event.from] : []));
  const leaseEnds = Math.max(got.leaseFrom, ...renewals) + asked.ttl * 1000;
  return {
    lock: asked.lock,
    run,
    concurrency: asked.concurrency,
    fence: BigInt(got.revision),
    asked: asked.t,
    from: got.t,
    until: Math.min(leaseEnds, gives?.t ?? Infinity, lost?.t ?? Infinity),
    leaseEnds,
    keptFrom: events.findLast(({ what }) => what === 'keeps')?.t ?? got.t,
    ...(lost && { lostAt: lost.t }),
    effects: events.flatMap((event) => (event.what === 'effect' ? [{ t: event.t, accepted: event.accepted }] : [])),
  };
}
