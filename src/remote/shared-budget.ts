import type { Call } from '../../activities/define.ts';
import { shared } from '../model/shared-budget.ts';

const everyMs = 1000;

/**
 * Failures are counted by the run when several activities work on its hosts at the same time: each tells how many it
 * has seen, and asks whether to go on. When the run does not answer, nothing changes.
 */
export class SharedBudget {
  isGone = false;
  /** Asks now instead of in a second; never fails. */
  readonly look: () => Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #failed = 0;
  #told = 0;
  #busy = false;

  /** @param gone called once more hosts have failed, here and elsewhere, than may */
  constructor(call: Call, { id, slice }: { id: string; slice: number }, gone: () => void) {
    this.look = async () => {
      if (this.#busy || this.isGone) return;
      this.#busy = true;
      try {
        const failed = this.#failed;
        if (failed !== this.#told) await call.ownRun?.signal(shared.failures, { id, slice, failed });
        this.#told = failed;
        if ((await call.ownRun?.query(shared.isGone, id)) !== true) return;
        this.isGone = true;
        gone();
      } catch {
        // The next look is a second away.
      } finally {
        this.#busy = false;
      }
    };
    this.#timer = setInterval(() => void this.look(), everyMs);
  }

  /** How many hosts of this slice have failed so far, over all attempts. */
  failed(count: number): void {
    this.#failed = Math.max(this.#failed, count);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
