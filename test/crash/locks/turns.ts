import type { Turn } from './contender.ts';

/** Lease of those who hold briefly, seconds. */
export const ttl = 5;
/** Lease of the run that goes on until the end: at least ten times as long as that. A worker is replaced within two thirds of it. */
export const marathonTtl = 15;
/** Who holds one lock all the time, and who waits for it all the time. */
export const marathon = { holder: 'holder', rival: 'rival', lock: 'marathon' } as const;

/** Locks of the others, and how many holders each newcomer bears: 1 exclusive, 0 any number. */
const locks: readonly (readonly [name: string, concurrencies: readonly number[]])[] = [
  ...Array.from({ length: 32 }, (_, i) => [`exclusive${i}`, [1]] as const),
  ...Array.from({ length: 5 }, (_, i) => [`counted${i}`, [2, 3, 4]] as const),
  ...Array.from({ length: 2 }, (_, i) => [`mixed${i}`, [0, 0, 1, 2]] as const),
];

const oneOf = <T>(all: readonly T[]): T | undefined => all[Math.floor(Math.random() * all.length)];

/** What a contender does next: most hold a lock for some milliseconds, two of each worker for seconds, one of them past its lease. */
export function nextTurn(contender: string, number: number): Turn {
  const run = `${contender}.${number}`;
  if (contender === marathon.holder) return { run, lock: marathon.lock, concurrency: 1, ttl: marathonTtl };
  if (contender === marathon.rival) return { run, lock: marathon.lock, concurrency: 1, ttl: marathonTtl, holdMs: 0 };
  const [lock, concurrencies] = oneOf(locks) ?? ['', []];
  return { run, lock, concurrency: oneOf(concurrencies) ?? 1, ttl, holdMs: holdMsOf(contender) };
}

const holdMsOf = (contender: string): number => {
  const [least, most] = contender.endsWith('-0') ? [1000, 4000] : contender.endsWith('-1') ? [10_000, 14_000] : [0, 10];
  return Math.round(least + (most - least) * Math.random());
};
