import type { LockScope } from '../spicerack/lock-scope.ts';

/** The compensation of one effect, on the stack before the effect starts. */
export interface UndoEntry {
  step: string;
  /** Receives the effect's result, or nothing when its outcome is unknown. */
  undo: () => Promise<unknown>;
  /** Also runs past a point of no return, and when the run passed. */
  guaranteed: boolean;
  /** Locks under which the effect is made, the outermost first. */
  under?: readonly LockScope[];
}

/** What a run would undo, newest last; entries before a point of no return stay undone unless guaranteed. */
export class UndoStack {
  readonly #entries: UndoEntry[] = [];
  #floor = 0;
  pointOfNoReturn: string | undefined;

  push(entry: UndoEntry): void {
    this.#entries.push(entry);
  }

  /** From here on there is no way back past `step`. */
  passPointOfNoReturn(step: string): void {
    this.#floor = this.#entries.length;
    this.pointOfNoReturn = step;
  }

  /** Takes the entry of a step off the stack, the last one when there were several of the name. */
  take(step: string): UndoEntry | undefined {
    const isOne = (name: string) =>
      name === step || (name.startsWith(`${step} (`) && /^\d+\)$/.test(name.slice(step.length + 2)));
    const at = this.#entries.findLastIndex((entry) => isOne(entry.step));
    if (at === -1) return undefined;
    if (at < this.#floor) this.#floor--;
    return this.#entries.splice(at, 1)[0];
  }

  /** Whether something on the stack was done under a lock. */
  isUnder(scope: LockScope): boolean {
    return this.#entries.some(({ under = [] }) => under.includes(scope));
  }

  /** What a rollback would run, in its order. */
  rollback(): UndoEntry[] {
    return this.#entries.filter((entry, at) => at >= this.#floor || entry.guaranteed).reverse();
  }

  /** What runs however the run ends, in its order. */
  guaranteed(): UndoEntry[] {
    return this.#entries.filter((entry) => entry.guaranteed).reverse();
  }

  /** Steps that stay as they are when only these entries run, newest first. */
  besides(entries: readonly UndoEntry[]): string[] {
    return this.#entries
      .filter((entry) => !entries.includes(entry))
      .map(({ step }) => step)
      .reverse();
  }

  get names(): string[] {
    return this.rollback().map((entry) => entry.step);
  }
}
