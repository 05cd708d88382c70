import { formatMs } from '../../src/model/duration.ts';
import type { RunStatusReport, StepReport } from '../../src/model/run.ts';
import { clock, fitting, plain, row, table } from './markdown.ts';

const stepsShown = 40;
const troubles: Partial<Record<StepReport['state'], string>> = {
  failed: 'Failed',
  unknown: 'Nobody knows whether it took place',
  'undo failed': 'NOT undone',
};

/** Steps whose last word is a failure, unless it is what a person is asked about. */
export function renderTrouble({ steps, prompts }: RunStatusReport, bytes: number): readonly string[] {
  const last = new Map(steps.map((step) => [step.name, step]));
  const lines = [...last.values()]
    .filter(({ kind, state }) => state in troubles && kind !== 'prompt')
    .filter(({ name }) => !prompts.some(({ message }) => message.includes(`'${name}'`)))
    .slice(-5)
    .map(({ name, state, error = '' }) => `> **${troubles[state] ?? ''}:** ${plain(name)}: ${plain(error, 300)}`);
  return fitting(lines.toReversed(), bytes).toReversed();
}

/** The latest steps, oldest first, as many as fit into so many bytes. */
export function renderSteps({ steps, stepsOmitted }: RunStatusReport, bytes: number): string[] {
  // An open prompt stands above, with its answers.
  const all = steps.filter(({ kind, state }) => !(kind === 'prompt' && state === 'running'));
  const latest = all.slice(-stepsShown).toReversed();
  const rows = fitting(
    latest.map((step) => row(plain(step.name, 100), stateOf(step))),
    bytes - 150,
  ).toReversed();
  const earlier = stepsOmitted + all.length - rows.length;
  return [...(earlier > 0 ? [`${earlier} earlier steps are not shown.`] : []), ...table(['step', 'state'], rows)];
}

function stateOf({ kind, state, startedAt, endedAt, error }: StepReport): string {
  const took = endedAt === undefined ? '' : formatMs(endedAt - startedAt);
  const why = error === undefined ? '' : `: ${plain(error)}`;
  if (kind === 'prompt' && state === 'done') return `✓\u00a0answered after ${took}${why}`;
  switch (state) {
    case 'running':
      return `▶\u00a0**now**, since ${clock(startedAt)}`;
    case 'done':
      return `✓\u00a0done in ${took}`;
    case 'failed':
      return `✗\u00a0failed after ${took}${why}`;
    case 'skipped':
      return `–\u00a0skipped${why}`;
    case 'planned':
      return `…\u00a0would be done${why}`;
    case 'undone':
      return `↩\u00a0undone in ${took}`;
    case 'undo failed':
      return `✗\u00a0**NOT undone**${why}`;
    case 'unknown':
      return `?\u00a0nobody knows${why}`;
  }
}
