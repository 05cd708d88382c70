import { AsyncLocalStorage } from '@temporalio/workflow';
import type { Fence } from '../../src/model/fence.ts';
import type { LockKind } from '../../src/model/lock-name.ts';

/** What gives an effect its fence while a lock is held. */
export interface Guard {
  readonly fence: Fence | undefined;
  /** Key of what is held without a lease. */
  readonly slot?: string;
  /** Steps and child runs that go on under it. */
  underWay: number;
}

/** Locks held on behind their scope, because what was done under them may have to be undone. */
export const kept = new Set<Guard>();

const around = new AsyncLocalStorage<readonly Guard[]>();
let inherited: readonly Fence[] = [];

/** Takes over the locks under which the parent of this run started it. */
export const inheritFences = (fences: readonly Fence[]): void => void (inherited = fences);
export const inheritedFences = (): readonly Fence[] => inherited;

/** Locks a cookbook is inside of here, the outermost first. */
export const guardsHere = (): readonly Guard[] => around.getStore() ?? [];

/** Runs `body` inside of further locks. */
export const inside = <T>(guards: readonly Guard[], body: () => Promise<T>): Promise<T> =>
  around.run([...new Set([...guardsHere(), ...guards])], body);

/** Runs a step or a child run; the locks it is under are not given back before it has ended. */
export async function underGuards<T>(body: () => Promise<T>): Promise<T> {
  const guards = guardsHere();
  for (const guard of guards) guard.underWay++;
  try {
    return await body();
  } finally {
    for (const guard of guards) guard.underWay--;
  }
}

/** Every lock under which an effect from here would take place. */
export const fencesHere = (): Fence[] => [...inherited, ...guardsHere().flatMap(({ fence }) => fence ?? [])];

/** Every lock that the run, or the one that started it, keeps for as long as what goes on here does. */
export const fencesHeld = (): Fence[] => [...fencesHere(), ...[...kept].flatMap(({ fence }) => fence ?? [])];

/** The lock among `fences` that is the one asked for. */
export const coveredBy = (fences: readonly Fence[], kind: LockKind, name: string): Fence | undefined =>
  fences.find((fence) => fence.kind === kind && fence.names.includes(name));
