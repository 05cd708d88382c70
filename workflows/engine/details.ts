import { formatMs } from '../../src/model/duration.ts';
import type { FleetReport, RunStatusReport, StepReport } from '../../src/model/run.ts';

const marks: Record<StepReport['state'], string> = {
  running: '▶ now',
  done: '✓ done',
  skipped: '– skipped',
  failed: '✗ failed',
  planned: '… planned',
  undone: '↩ undone',
  'undo failed': '✗ NOT undone',
  unknown: '? unknown',
};
const cell = (text: string) => text.replaceAll('|', '/').replaceAll('\n', ' ').slice(0, 160);
const limit = 18_000;

/** The run's state as the Markdown page of the Temporal UI (tables, no nested lists; at most 20,000 bytes). */
export function renderDetails(status: RunStatusReport, run: string): string {
  const parts = [
    `**${status.cookbook}** ${status.description}${status.dryRun ? ' (dry run: nothing is changed)' : ''}`,
    `Phase: **${status.phase}**`,
    ...status.prompts.map(
      (prompt) =>
        `**Waits for an answer:** ${prompt.message}\n\n\`cookbook answer ${run} ${prompt.choices ? prompt.choices.map((choice) => `'${choice}'`).join('|') : 'TEXT'}\``,
    ),
    ...(status.locks.length > 0 ? [`Holds: ${status.locks.join(', ')}`] : []),
    ...(status.fleet ? [renderFleet(status.fleet, run)] : []),
    renderSteps(status),
  ];
  const text = parts.filter((part) => part !== '').join('\n\n');
  return text.length > limit ? `${text.slice(0, limit)}\n\n(cut)` : text;
}

function renderSteps({ steps, stepsOmitted }: RunStatusReport): string {
  if (steps.length === 0) return '';
  const shown = steps.slice(-40);
  const before = stepsOmitted + steps.length - shown.length;
  const rows = shown.map(
    (step) =>
      `| ${cell(step.name)} | ${marks[step.state]} | ${step.endedAt === undefined ? '' : formatMs(step.endedAt - step.startedAt)} | ${cell(step.error ?? '')} |`,
  );
  return [
    ...(before > 0 ? [`${before} earlier steps are done.\n`] : []),
    '| step | state | took | |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n');
}

function renderFleet(fleet: FleetReport, run: string): string {
  const counts = new Map<string, number>();
  for (const { state } of fleet.hosts) counts.set(state, (counts.get(state) ?? 0) + 1);
  const rows = fleet.hosts
    .filter(({ state }) => state !== 'pending' && state !== 'done')
    .slice(0, 40)
    .map(({ host, state, error }) => `| ${host} | ${state} | ${cell(error ?? '')} | \`${run}/${host}\` |`);
  return [
    `**${fleet.hosts.length} hosts**, ${fleet.width} at a time: ${[...counts].map(([state, count]) => `${count} ${state}`).join(', ')}${fleet.paused ? ' — **paused**' : ''}`,
    ...(rows.length > 0 ? ['', '| host | state | | run |', '|---|---|---|---|', ...rows] : []),
  ].join('\n');
}
