import { defineQuery, defineSignal, setHandler } from '@temporalio/workflow';
import { type Failures, shared } from '../../src/model/shared-budget.ts';

const budgets = new Map<string, SharedBudget>();
let served = false;

function serve(): void {
  if (served) return;
  served = true;
  setHandler(defineSignal<[Failures]>(shared.failures), ({ id, slice, failed }) =>
    budgets.get(id)?.count(slice, failed),
  );
  setHandler(defineQuery<boolean, [string]>(shared.isGone), (id) => budgets.get(id)?.isGone ?? false);
}

/** Failures of slices that are worked on at the same time; the activities tell and ask (see src/remote/shared-budget.ts). */
export class SharedBudget {
  readonly id: string;
  readonly #allowed: number;
  readonly #failed = new Map<number, number>();

  /** @param allowed failures of all slices together after which the others still go on */
  constructor(id: string, allowed: number) {
    this.id = id;
    this.#allowed = allowed;
    serve();
    budgets.set(id, this);
  }

  get isGone(): boolean {
    return [...this.#failed.values()].reduce((sum, failed) => sum + failed, 0) > this.#allowed;
  }
  /** @param failed of the slice, since it began */
  count(slice: number, failed: number): void {
    this.#failed.set(slice, Math.max(failed, this.#failed.get(slice) ?? 0));
  }
  close(): void {
    budgets.delete(this.id);
  }
}
