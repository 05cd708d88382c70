import type { ExecReport } from '../../model/exec.ts';
import { fold } from '../../model/host-set.ts';
import { unpackExecution } from '../../model/packed-execution.ts';
import { formatted } from './output.ts';
import { Report } from './report.ts';
import type { Line } from './style.ts';

/**
 * What a run of `exec` handed back, as it is told.
 * @param outputs where on the worker the whole outputs are
 * @param colors which streams are coloured
 */
export function told(
  { output, ...packed }: ExecReport,
  outputs: string,
  colors: { stdout: boolean; stderr: boolean },
): Line[] {
  const execution = unpackExecution(packed);
  const lines = new Report(execution, colors).lines();
  const cut = execution.results.filter(({ truncatedBytes }) => truncatedBytes > 0).map(({ host }) => host);
  const where = `Long output is cut: ${fold(cut)}. The whole is on the worker, in ${outputs}`;
  return [
    ...(output === undefined ? lines : lines.filter(({ to }) => to === 'stderr')),
    ...(output === undefined ? [] : formatted(execution, output).map((text): Line => ({ to: 'stdout', text }))),
    ...(cut.length === 0 ? [] : [{ to: 'stderr', text: where } as const]),
  ];
}
