import type { ExecReport } from '../../model/exec.ts';
import { outputsOf } from '../../remote/output-log.ts';
import type { Temporal } from '../client.ts';
import type { Display } from '../follow/display.ts';
import type { HistoryEvent } from '../follow/history.ts';
import type { Outcome } from '../follow/outcome.ts';
import { outcomeLines } from '../follow/result.ts';
import { say } from '../terminal.ts';
import { execExitOf } from './exit.ts';
import { Progress } from './progress.ts';
import { paint } from './style.ts';
import { told } from './told.ts';

/** What a person asked to see. */
export interface Looks {
  colors: boolean;
  progress: boolean;
  verbose: boolean;
}

/** What the narrator says of steps and phases: the bar and the report tell the same. */
const ofSteps = /^\S+ (?:[▶✓✗↩] |== (?:rolling back|cleaning up)$)/;

/** Shows a run of `exec`: a bar while it lasts, then Cumin's report. */
export class ExecDisplay implements Display {
  readonly #temporal: Temporal;
  readonly #run: string;
  readonly #looks: Looks;
  readonly #progress: Progress | undefined;

  constructor(temporal: Temporal, run: string, looks: Looks) {
    this.#temporal = temporal;
    this.#run = run;
    this.#looks = looks;
    if (looks.progress && process.stderr.isTTY) this.#progress = new Progress(temporal, run, paint(looks.colors));
  }

  news(_: readonly HistoryEvent[], lines: readonly string[]): void {
    for (const line of lines) if (this.#looks.verbose || !ofSteps.test(line)) say(line);
  }

  end(outcome: Outcome): number {
    this.stop();
    const { report, error, warning, notUndone } = outcome;
    const { state_dir: stateDir } = this.#temporal.config;
    const { colors } = this.#looks;
    const colored = { stdout: colors && process.stdout.isTTY, stderr: colors && process.stderr.isTTY };
    if (report !== undefined)
      for (const { to, text } of told(report as ExecReport, outputsOf(stateDir, this.#run), colored))
        process[to].write(`${text}\n`);
    if (report === undefined || error !== undefined || warning !== undefined || notUndone !== undefined)
      for (const line of outcomeLines('exec', outcome)) say(line);
    return execExitOf(outcome.exitCode);
  }

  stop(): void {
    this.#progress?.stop();
  }
}
