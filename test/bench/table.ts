import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const call = promisify(execFile);

/** A program as it is called from a shell. */
export interface Program {
  file: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
}

/** How often each case is measured. */
export const rounds = Number(process.env['ROUNDS'] ?? 9);

/** The middle of some figures. */
export const median = (figures: readonly number[]): number => {
  const sorted = [...figures].sort((a, b) => a - b);
  return (
    ((sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN) +
      (sorted[Math.ceil((sorted.length - 1) / 2)] ?? Number.NaN)) /
    2
  );
};

/** What all rows have in common. */
export const heading = '| what | median | least-most | n | bar |\n|---|---|---|---|---|';

/** What is asked of a figure; without `met` a remark. */
export interface Bar {
  text: string;
  met?: boolean;
}

/** One row: what was measured, its figures, and how it stands against its bars. */
export function row(what: string, figures: readonly number[], unit: string, ...bars: Bar[]): void {
  const spread = `${Math.min(...figures).toFixed(1)}-${Math.max(...figures).toFixed(1)}`;
  console.log(
    `| ${what} | ${median(figures).toFixed(2)} ${unit} | ${spread} | ${figures.length} | ${bars.map(verdict).join('; ')} |`,
  );
}

const verdict = ({ text, met }: Bar) => (met === undefined ? text : `${text}: ${met ? 'met' : 'MISSED'}`);

/** Two rows: ours stands against so many times theirs. */
export function beside(what: string, [ours = [], theirs = []]: number[][], peer: string, most: number): void {
  const factor = median(ours) / median(theirs);
  row(`${what}, ${peer}`, theirs, 'ms');
  row(what, ours, 'ms', { text: `${factor.toFixed(2)} x ${peer}, at most ${most}`, met: factor <= most });
}

/** Milliseconds that `body` takes. */
export async function timed(body: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await body();
  return performance.now() - began;
}

/** Milliseconds from the start of a program to its end. @throws with what it printed, when it does not end with 0 */
export const timedCall = ({ file, args, env }: Program, ...more: string[]): Promise<number> =>
  timed(() => call(file, [...args, ...more], { env }));

/** Measures cases in turns, so that what else this machine does falls on all alike; each once before, for its caches. */
export async function inTurns(...cases: (() => Promise<number>)[]): Promise<number[][]> {
  const figures = cases.map((): number[] => []);
  for (let round = -1; round < rounds; round++)
    for (const [i, measure] of cases.entries()) {
      const figure = await measure();
      if (round >= 0) figures[i]?.push(figure);
    }
  return figures;
}
