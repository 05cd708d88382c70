import { CancellationScope, condition } from '@temporalio/workflow';
import { OpsError, messageOf } from '../../src/model/errors.ts';
import { holderKeys, type Fence } from '../../src/model/fence.ts';
import { inOrder, type LockKind } from '../../src/model/lock-name.ts';
import { coveredBy, fencesHeld, fencesHere, guardsHere, inside, kept, type Guard } from '../engine/fences.ts';
import { ContinueRequested, isCancelled, lostKey } from '../engine/failure.ts';
import { currentRun } from '../engine/run-state.ts';
import { holdLock, isShared, type HeldLock, type HoldArgs } from './hold-lock.ts';

/** Locks whose loss has not been dealt with. */
const lost = new Set<LockScope>();
/** Locks left to the run that was to follow. */
const left = new Map<LockScope, HeldLock>();

/** A lock of this run, or several taken together: what is done under it, and undone later on. */
export class LockScope implements Guard {
  readonly kind: LockKind;
  /** In the order in which they are taken. */
  readonly names: readonly string[];
  readonly #args: HoldArgs;
  underWay = 0;
  #held: HeldLock | undefined;
  #waived = false;

  constructor(kind: LockKind, names: Iterable<string>, args: HoldArgs) {
    this.kind = kind;
    this.names = inOrder(names);
    this.#args = args;
  }

  get fence(): Fence | undefined {
    return this.#waived ? undefined : this.#held?.fence;
  }

  /** Whether an undo needs not take it first. */
  get isReady(): boolean {
    return this.#waived || (this.#held !== undefined && !lost.has(this));
  }

  /** Takes it, or takes it again for an undo. @throws InvalidLock, LOCK_UNAVAILABLE, LOCK_DEADLOCK, ETCD_UNAVAILABLE */
  async take(undo = false): Promise<void> {
    await this.release();
    const held = await holdLock(this.kind, this.names, this.#args, { ...heldHere(), ...(undo && { undo }) });
    this.#held = held;
    lost.delete(this);
    left.delete(this);
    if (held.key !== '') currentRun().locks.push(held.key);
    currentRun().publish();
    held.lost.catch((error: unknown) => this.#lose(held, error));
  }

  /** Runs `body`, and cancels it when the lock is lost. @throws LockLost */
  async guard<T>(body: () => Promise<T>): Promise<T> {
    const scope = new CancellationScope();
    let loss: unknown;
    this.#held?.lost.catch((error: unknown) => {
      if (isCancelled(error)) return;
      loss = error;
      scope.cancel();
    });
    const throwLoss = () => {
      if (loss !== undefined) throw loss instanceof Error ? loss : new Error(messageOf(loss));
    };
    try {
      const value = await scope.run(() => inside([this], body));
      if (this.underWay > 0) await condition(() => this.underWay === 0);
      throwLoss();
      return value;
    } catch (error) {
      // Other parts of the body are not to go on without the lock, nor beside their undo.
      if (!(error instanceof ContinueRequested)) {
        scope.cancel();
        if (this.underWay > 0) await CancellationScope.nonCancellable(() => condition(() => this.underWay === 0));
      }
      throwLoss();
      throw error;
    }
  }

  /** After an effect was refused because this lock was lost, before who keeps it has noticed. */
  noteRefusal(error: unknown): void {
    const key = lostKey(error);
    const fence = this.#held?.fence;
    if (key !== undefined && fence && holderKeys(fence).includes(key)) lost.add(this);
  }

  /** Gives it back; best effort, as its lease ends without it. */
  async release(): Promise<void> {
    const isLost = lost.has(this);
    await this.#end((held) => held.release(isLost));
  }

  /** Leaves it to the run that continues this one as new. */
  async stopKeeping(): Promise<void> {
    await this.#end((held) => {
      left.set(this, held);
      return held.stopKeeping();
    });
  }

  /** What is undone from now on is undone without it. */
  waive(): void {
    this.#waived = true;
    lost.delete(this);
  }

  /** Keeps it for the undo of what was done under it, unless another part of the run waits for it. */
  keepForUndo(): boolean {
    const needed = this.isReady && !isShared(this.kind, this.names) && currentRun().undo.isUnder(this);
    if (needed) kept.add(this);
    return needed;
  }

  #lose(held: HeldLock, error: unknown): void {
    if (this.#held === held && !isCancelled(error)) lost.add(this);
  }

  async #end(how: (held: HeldLock) => Promise<void>): Promise<void> {
    const held = this.#held;
    kept.delete(this);
    if (!held) return;
    this.#held = undefined;
    await how(held);
    const { locks } = currentRun();
    const at = locks.indexOf(held.key);
    if (at !== -1) locks.splice(at, 1);
    currentRun().publish();
  }
}

/** Locks a cookbook is inside of here, the outermost first. */
export const locksHere = (): LockScope[] => guardsHere().filter((guard) => guard instanceof LockScope);

/** Leases of the locks, and keys of what has none, that stay held at least until what goes on here does. */
export function heldHere(): { under?: string[] } {
  const [leases, slots] = [fencesHeld().map(({ lease }) => lease), guardsHere().flatMap(({ slot }) => slot ?? [])];
  const under = [...new Set([...leases, ...slots])];
  return under.length > 0 ? { under } : {};
}

const scopesKept = (): LockScope[] => [...kept].filter((guard) => guard instanceof LockScope);

/** Locks that were lost and not taken again. */
export const lostLocks = (): LockScope[] => [...lost];

/** Gives back what was kept for an undo that is done. */
export async function releaseUndone(): Promise<void> {
  for (const scope of scopesKept()) if (!currentRun().undo.isUnder(scope)) await scope.release();
}

/** Gives back, or leaves to the run that follows, what was kept for the undo. */
export async function endKept(how: 'release' | 'stopKeeping'): Promise<void> {
  for (const scope of scopesKept()) await scope[how]();
}

/** Gives back what was left to a run that does not follow after all. */
export async function releaseLeft(): Promise<void> {
  for (const held of left.values()) await held.release(false);
  left.clear();
}

/**
 * Which of the locks asked for this run, or the one that started it, holds already.
 * @returns those kept behind their scope, and the names that are left to be taken
 * @throws InvalidLock when one is held for more holders at a time
 */
export function alreadyHeld(
  kind: LockKind,
  names: readonly string[],
  concurrency: number,
): { kept: LockScope[]; left: string[] } {
  const fences = fencesHere();
  const behind = new Set<LockScope>();
  const left = names.filter((name) => {
    const scope = scopesKept().find((one) => one.kind === kind && one.names.includes(name));
    const fence = scope?.fence ?? coveredBy(fences, kind, name);
    if (!fence) return true;
    if (limit(concurrency) < limit(fence.concurrency))
      throw new OpsError(
        'usage',
        'InvalidLock',
        `concurrency of lock '${name}' is ${concurrency}, but this run holds it with ${fence.concurrency}: take it with ${concurrency} at first`,
      );
    if (scope) behind.add(scope);
    return false;
  });
  return { kept: [...behind], left };
}

const limit = (concurrency: number) => (concurrency === 0 ? Infinity : concurrency);

const isCovered = ({ kind, names }: LockScope): boolean =>
  names.every((name) => coveredBy(fencesHere(), kind, name) !== undefined);

const isThere = (scope: LockScope): boolean => scope.isReady || (!lost.has(scope) && isCovered(scope));

/** Whether all of them are held, as far as the run knows. */
export const areThere = (scopes: readonly LockScope[]): boolean => scopes.every(isThere);

/**
 * Runs an undo under the locks that its effect was made under, and takes those again that were given back or lost.
 * @throws what {@link LockScope.take} throws
 */
export async function insideAgain<T>(scopes: readonly LockScope[], body: () => Promise<T>): Promise<T> {
  const taken: LockScope[] = [];
  try {
    for (const scope of scopes) {
      if (isThere(scope)) continue;
      const others = scopes.filter((one) => one !== scope && one.isReady);
      await inside(others, () => scope.take(true));
      taken.push(scope);
    }
    return await inside(scopes, body);
  } finally {
    for (const scope of taken.reverse()) await scope.release();
  }
}
