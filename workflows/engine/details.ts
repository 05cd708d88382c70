import type { RunContext, RunStatusReport } from '../../src/model/run.ts';
import { renderHosts } from './details-hosts.ts';
import { renderPrompts } from './details-prompts.ts';
import { renderSteps, renderTrouble } from './details-steps.ts';
import { byteLength, commands, fitting, plain, shellWord } from './markdown.ts';

/** The server refuses more than 20,000 bytes. */
const limit = 19_900;
const ends = ['PASS', 'FAIL', 'ERROR'];

/**
 * The run's state as its page in the Temporal UI, for somebody who has never seen it: what it is, what failed, what it
 * waits for with the command to type, its hosts, its steps, and what cancelling would undo.
 */
export function renderDetails(status: RunStatusReport, run: string, context: RunContext): string {
  const top = [
    head(status, context),
    ...renderTrouble(status, 2500),
    ...renderPrompts(status, run, 4000),
    ...(status.fleet ? renderHosts(status.fleet, run, 5000) : []),
  ];
  const foot = ends.includes(status.phase) ? [] : renderFoot(status, run);
  const room = limit - byteLength([...top, ...foot].join('\n\n'));
  return fitting([...top, ...renderSteps(status, room), ...foot], limit).join('\n\n');
}

function head(
  { cookbook, description, phase, dryRun, unverified = [], told = [] }: RunStatusReport,
  context: RunContext,
): string {
  return [
    `**${plain(cookbook)}** ${plain(description, 300)}`.trimEnd(),
    `**${phase}**${dryRun ? ', dry run: nothing is changed' : ''}, ${startedBy(context)}`,
    ...(context.onFailure === 'hold' && !dryRun
      ? ['When a step fails, a person is asked before anything is undone.']
      : []),
    ...(unverified.length > 0 ? [`**Not verified:** the host keys of ${plain(unverified.join(', '), 200)}`] : []),
    ...told.map((what) => `**Told:** ${plain(what, 300)}`),
  ].join('\n');
}

function startedBy({ user, host, reason, task }: RunContext): string {
  if (user === '-') return "started without 'cookbook': it may look and change nothing";
  const why = reason === undefined ? '' : `: ${plain(reason, 300)}`;
  return `started by **${plain(user)}** on ${plain(host)}${why}${task === undefined ? '' : ` (${plain(task)})`}`;
}

function renderFoot({ locks, undo, fleet }: RunStatusReport, run: string): string[] {
  const id = shellWord(run);
  const undone = undo.slice(0, 10).map((step) => plain(step, 60));
  if (undo.length > 10) undone.push(`${undo.length - 10} more`);
  return [
    ...(locks.length > 0 ? [`Holds the locks ${plain(locks.join(', '), 200)}`] : []),
    undone.length > 0 ? `Cancelling it undoes, in this order: ${undone.join(', ')}.` : 'Nothing to undo so far.',
    commands(
      [`cookbook attach ${id}`, 'follows it'],
      [`cookbook cancel ${id}`, 'stops it and undoes what it did'],
      ...(fleet
        ? [[`cookbook fleet ${id} ${fleet.paused ? 'resume' : 'pause'}`, 'or width N, skip HOST, abort'] as const]
        : []),
    ),
  ];
}
