import { defaultPayloadConverter } from '@temporalio/common';
import type { ExecArgs, ExecReport } from '../../model/exec.ts';
import type { Said } from '../../model/said.ts';
import { outputsOf } from '../../remote/output-log.ts';
import type { Temporal } from '../client.ts';
import type { Display } from '../follow/display.ts';
import type { HistoryEvent } from '../follow/history.ts';
import type { Outcome } from '../follow/outcome.ts';
import { outcomeLines } from '../follow/result.ts';
import { reportOf } from '../served.ts';
import { say } from '../terminal.ts';
import { execExitOf } from './exit.ts';
import { Progress } from './progress.ts';
import { type Line, paint } from './style.ts';
import { Teller } from './told.ts';

/** What a person asked to see. */
export interface Looks {
  colors: boolean;
  progress: boolean;
  verbose: boolean;
  /** The run may have a single host, whose output is shown as it comes. */
  live: boolean;
}

/** What the narrator says of steps and phases: the bar and the report tell the same. */
const ofSteps = /^\S+ (?:[▶✓✗↩] |== (?:rolling back|cleaning up)$)/;

/** Shows a run of `exec`: a bar while it lasts, and Cumin's report. */
export class ExecDisplay implements Display {
  readonly #temporal: Temporal;
  readonly #run: string;
  readonly #looks: Looks;
  readonly #teller: Teller;
  readonly #progress: Progress | undefined;
  /** Ids of the activities that run commands. */
  readonly #commands = new Set<string>();
  /** As the run was given them. */
  #texts: readonly string[] = [];
  #hasEnded = false;

  constructor(temporal: Temporal, run: string, looks: Looks) {
    this.#temporal = temporal;
    this.#run = run;
    this.#looks = looks;
    const { colors } = looks;
    const colored = { stdout: colors && process.stdout.isTTY, stderr: colors && process.stderr.isTTY };
    this.#teller = new Teller(outputsOf(temporal.config.state_dir, run), colored);
    const bar = looks.progress && process.stderr.isTTY ? paint(colors) : undefined;
    if (bar || looks.live) this.#progress = new Progress(temporal, run, bar, (said) => this.#hear(said));
  }

  news(events: readonly HistoryEvent[], lines: readonly string[]): void {
    for (const line of lines) if (this.#looks.verbose || !ofSteps.test(line)) say(line);
    const [first] = events;
    const input = first?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
    if (input) this.#texts = defaultPayloadConverter.fromPayload<{ args: ExecArgs }>(input).args.commands;
    if (events.filter((event) => this.#endsCommands(event)).length > 0) setImmediate(() => void this.#tellMore());
  }

  end(outcome: Outcome): number {
    this.#hasEnded = true;
    this.stop();
    const { report, error, warning, notUndone } = outcome;
    if (report !== undefined) this.#tell(this.#teller.end(report as ExecReport));
    if (report === undefined || error !== undefined || warning !== undefined || notUndone !== undefined)
      for (const line of outcomeLines('exec', outcome)) say(line);
    return execExitOf(outcome.exitCode);
  }

  stop(): void {
    this.#progress?.stop();
  }

  #endsCommands({ eventId, ...event }: HistoryEvent): boolean {
    const begun = event.activityTaskScheduledEventAttributes?.activityType?.name ?? '';
    if (/^remote\.run/.test(begun)) this.#commands.add(String(eventId));
    return this.#commands.has(String(event.activityTaskCompletedEventAttributes?.scheduledEventId));
  }

  async #tellMore(): Promise<void> {
    if (this.#hasEnded) return;
    try {
      this.#tellSoFar(await reportOf(this.#temporal, this.#run));
    } catch {
      // told later, or at the end
    }
  }

  #hear(said: Said): void {
    if (!this.#hasEnded) this.#tell(this.#teller.hear(said, this.#texts));
  }

  #tellSoFar(report: unknown): void {
    if (!this.#hasEnded && report != null) this.#tell(this.#teller.soFar(report as ExecReport));
  }

  #tell(lines: readonly Line[]): void {
    // Together as far as they go to the same stream: the bar is drawn anew after each.
    for (let from = 0, to = 1; from < lines.length; from = to++) {
      while (to < lines.length && lines[to]?.to === lines[from]?.to) to++;
      const part = lines.slice(from, to);
      say(part.map(({ text }) => text).join('\n'), part[0]?.to);
    }
  }
}
