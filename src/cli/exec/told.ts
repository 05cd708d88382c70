import type { ExecReport } from '../../model/exec.ts';
import { fold } from '../../model/host-set.ts';
import { unpackExecution } from '../../model/packed-execution.ts';
import type { Said } from '../../model/said.ts';
import { formatted } from './output.ts';
import { LiveOutput } from './live-output.ts';
import { Report, nameOf } from './report.ts';
import { type Line, paint } from './style.ts';

/** Tells what a run of `exec` hands back: in mode sync command by command while it goes on, and the rest at its end. */
export class Teller {
  readonly #outputs: string;
  readonly #colors: { stdout: boolean; stderr: boolean };
  readonly #live = new LiveOutput();
  #told = 0;

  /**
   * @param outputs where on the worker the whole outputs are
   * @param colors which streams are coloured
   */
  constructor(outputs: string, colors: { stdout: boolean; stderr: boolean }) {
    this.#outputs = outputs;
    this.#colors = colors;
  }

  /** What a single host says while it says it. @param commands of the run */
  hear(said: Said, commands: readonly string[]): Line[] {
    // What is left of the one before it is told at its end, below its own name.
    if (said.command !== this.#told) return [];
    const { lines, isFirst } = this.#live.hear(said);
    const name = nameOf(said.command, commands[said.command]);
    const header = paint(this.#colors.stdout).blue(`----- OUTPUT for ${name} -----`);
    return [...(isFirst ? [header] : []), ...lines].map((text) => ({ to: 'stdout', text }));
  }

  /** Commands that have ended everywhere and were not told so far. */
  soFar({ output, ...packed }: ExecReport): Line[] {
    const execution = unpackExecution(packed);
    // What cut an execution short has its place before or after the last command's report.
    if (execution.mode === 'async' || execution.cancelled || execution.globalTimeout) return [];
    const report = new Report(execution, this.#colors, this.#live);
    const lines = report.commands(this.#told);
    this.#told = Math.max(this.#told, report.begun);
    return output === undefined ? lines : lines.filter(({ to }) => to === 'stderr');
  }

  /** All that was not told so far. */
  end({ output, ...packed }: ExecReport): Line[] {
    const execution = unpackExecution(packed);
    const lines = new Report(execution, this.#colors, this.#live).lines(this.#told);
    const cut = execution.results.filter(({ truncatedBytes }) => truncatedBytes > 0).map(({ host }) => host);
    const where = `Long output is cut: ${fold(cut)}. The whole is on the worker, in ${this.#outputs}`;
    return [
      ...(output === undefined ? lines : lines.filter(({ to }) => to === 'stderr')),
      ...(output === undefined ? [] : formatted(execution, output).map((text): Line => ({ to: 'stdout', text }))),
      ...(cut.length === 0 ? [] : [{ to: 'stderr', text: where } as const]),
    ];
  }
}
