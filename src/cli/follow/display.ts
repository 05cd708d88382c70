import { say } from '../terminal.ts';
import type { HistoryEvent } from './history.ts';
import type { Outcome } from './outcome.ts';
import { tellOutcome } from './result.ts';

/** How a followed run is shown. */
export interface Display {
  /** @param lines what the events mean, in the words of the narrator */
  news(events: readonly HistoryEvent[], lines: readonly string[]): void;
  /** Tells how the run ended. @returns the exit code for it */
  end(outcome: Outcome): number;
  /** The run is no longer followed. */
  stop(): void;
}

/** Line by line, then the outcome. */
export const plainDisplay = (cookbook: string): Display => ({
  news(_, lines) {
    for (const line of lines) say(line);
  },
  end(outcome) {
    tellOutcome(cookbook, outcome);
    return outcome.exitCode;
  },
  stop: () => undefined,
});
