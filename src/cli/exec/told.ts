import type { ExecReport } from '../../model/exec.ts';
import { fold } from '../../model/host-set.ts';
import { unpackExecution } from '../../model/packed-execution.ts';
import { formatted } from './output.ts';
import { Report } from './report.ts';
import type { Line } from './style.ts';

/** Tells what a run of `exec` hands back: in mode sync command by command while it goes on, and the rest at its end. */
export class Teller {
  readonly #outputs: string;
  readonly #colors: { stdout: boolean; stderr: boolean };
  #told = 0;

  /**
   * @param outputs where on the worker the whole outputs are
   * @param colors which streams are coloured
   */
  constructor(outputs: string, colors: { stdout: boolean; stderr: boolean }) {
    this.#outputs = outputs;
    this.#colors = colors;
  }

  /** Commands that have ended everywhere and were not told so far. */
  soFar({ output, ...packed }: ExecReport): Line[] {
    const execution = unpackExecution(packed);
    // What cut an execution short has its place before or after the last command's report.
    if (execution.mode === 'async' || execution.cancelled || execution.globalTimeout) return [];
    const report = new Report(execution, this.#colors);
    const lines = report.commands(this.#told);
    this.#told = Math.max(this.#told, report.begun);
    return output === undefined ? lines : lines.filter(({ to }) => to === 'stderr');
  }

  /** All that was not told so far. */
  end({ output, ...packed }: ExecReport): Line[] {
    const execution = unpackExecution(packed);
    const lines = new Report(execution, this.#colors).lines(this.#told);
    const cut = execution.results.filter(({ truncatedBytes }) => truncatedBytes > 0).map(({ host }) => host);
    const where = `Long output is cut: ${fold(cut)}. The whole is on the worker, in ${this.#outputs}`;
    return [
      ...(output === undefined ? lines : lines.filter(({ to }) => to === 'stderr')),
      ...(output === undefined ? [] : formatted(execution, output).map((text): Line => ({ to: 'stdout', text }))),
      ...(cut.length === 0 ? [] : [{ to: 'stderr', text: where } as const]),
    ];
  }
}
