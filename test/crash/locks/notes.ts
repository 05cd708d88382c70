import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { byRun, holdingsOf, readEvents, steadyMs, type Event } from './history.ts';
import type { Holding } from './check.ts';

/** What the contenders of all workers have noted so far. */
export class Notes {
  readonly #dir: string;
  readonly #places: readonly string[];

  constructor(dir: string, places: readonly string[]) {
    this.#dir = dir;
    this.#places = places;
  }

  fileOf(place: string): string {
    return join(this.#dir, `${place}.events`);
  }

  get acquisitions(): number {
    const found = this.#places.map(
      (place) => readFileSync(this.fileOf(place), 'utf8').split('"what":"got"').length - 1,
    );
    return found.reduce((sum, one) => sum + one, 0);
  }

  get holdings(): Holding[] {
    return holdingsOf(this.#events(this.#places));
  }

  #events(places: readonly string[]): Event[] {
    return places.flatMap((place) => readEvents(this.fileOf(place)));
  }

  /** Waits until a run of a worker holds an exclusive lock, and is to hold it for so long. */
  async longHolding(place: string, ms: number): Promise<Holding> {
    return until(`no run of ${place} holds a lock for long`, () =>
      holdingsOf([...byRun(this.#events([place])).values()].filter((events) => stays(events, ms)).flat()).find(
        ({ effects }) => effects.length === 1,
      ),
    );
  }

  /** Waits until another run has got, and used, the lock that one holds. */
  async overtaken({ lock, fence }: Holding): Promise<Holding> {
    return until(`nobody gets ${lock} after ${fence}`, () =>
      this.holdings.find(
        (one) => one.lock === lock && one.fence > fence && one.effects.some(({ accepted }) => accepted),
      ),
    );
  }
}

function stays(events: readonly Event[], ms: number): boolean {
  const asked = events.find((event) => event.what === 'asks');
  const got = events.find(({ what }) => what === 'got');
  if (!asked?.holdMs || !got || asked.concurrency !== 1) return false;
  const isOver = events.some(({ what }) => what === 'gives' || what === 'lost');
  return !isOver && got.t + asked.holdMs - steadyMs() > ms;
}

async function until<T>(trouble: string, look: () => T | undefined): Promise<T> {
  for (let tries = 0; tries < 600; tries++) {
    const found = look();
    if (found !== undefined) return found;
    await sleep(200);
  }
  throw new Error(trouble);
}
