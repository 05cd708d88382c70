import { formatMs } from '../../model/duration.ts';
import { messageOf } from '../../model/errors.ts';
import { execName, type ExecReport } from '../../model/exec.ts';
import type { FleetReport, RunStatusReport, StepReport } from '../../model/run.ts';
import { outputsOf } from '../../remote/output-log.ts';
import { howToAnswer } from '../how-to-answer.ts';
import { connect, type Temporal } from '../client.ts';
import { describeRun } from '../describe.ts';
import { failureText, outcomeOf } from '../follow/outcome.ts';
import { outcomeLines } from '../follow/result.ts';
import type { Globals } from '../globals.ts';
import { uiLink } from '../link.ts';
import { statusOf } from '../served.ts';
import { dateTime, tableLines } from '../table.ts';

/** `cookbook show RUN`: steps, attempts under way, prompts, locks, and how it ended. */
export async function show(globals: Globals, run: string): Promise<number> {
  const temporal = await connect(globals);
  const { type, startTime, status, raw } = await describeRun(temporal, run);
  const lines = [
    `run       ${run}`,
    `cookbook  ${type}`,
    `started   ${dateTime(startTime)}`,
    `status    ${status.name.toLowerCase()}`,
    ...[uiLink(temporal.config, run)].flatMap((link) => (link === undefined ? [] : [`page      ${link}`])),
    ...(await statusLines(temporal, run)),
    ...pendingLines(raw.pendingActivities ?? []),
    ...(status.name === 'RUNNING' ? [] : await endLines(temporal, run, type)),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

async function statusLines(temporal: Temporal, run: string): Promise<string[]> {
  let report: RunStatusReport;
  try {
    report = await statusOf(temporal, run);
  } catch (error) {
    return [`state     not known: ${messageOf(error)}`];
  }
  const { prompts, locks, undo, hosts, fleet, phase, description, dryRun } = report;
  return [
    `phase     ${phase}${dryRun ? ' (dry run)' : ''}`,
    ...(description === '' ? [] : [`about     ${description}`]),
    ...(hosts.length === 0
      ? []
      : [`hosts     ${hosts.length}: ${hosts.slice(0, 10).join(', ')}${hosts.length > 10 ? ', ...' : ''}`]),
    ...locks.map((lock) => `lock      ${lock}`),
    ...(undo.length === 0 ? [] : [`undo      ${undo.join(', then ')}`]),
    ...stepLines(report.steps, report.stepsOmitted),
    ...(fleet ? fleetLines(fleet) : []),
    ...prompts.flatMap(({ id, message, choices }) => [
      `==> ${message}`,
      `    ${howToAnswer(run, choices, prompts.length > 1 ? id : undefined)}`,
    ]),
  ];
}

function stepLines(steps: readonly StepReport[], omitted: number): string[] {
  if (steps.length === 0) return [];
  const rows = steps.map(({ name, kind, state, startedAt, endedAt, error }) => [
    ...[name, kind, state, endedAt === undefined ? '' : formatMs(endedAt - startedAt)],
    error ?? '',
  ]);
  return [
    '',
    ...(omitted > 0 ? [`${omitted} earlier steps are done`] : []),
    ...tableLines(['STEP', 'KIND', 'STATE', 'TOOK', ''], rows),
  ];
}

function fleetLines({ hosts, width, paused, cookbook }: FleetReport): string[] {
  const rows = hosts.map(({ host, state, startedAt, endedAt, error }) => [
    ...[host, state, startedAt !== undefined && endedAt !== undefined ? formatMs(endedAt - startedAt) : ''],
    error ?? '',
  ]);
  const head = `${hosts.length} hosts by ${cookbook}, ${width} at a time${paused ? ', paused' : ''}`;
  return ['', head, ...tableLines(['HOST', 'STATE', 'TOOK', ''], rows)];
}

type PendingActivity = Parameters<typeof failureText>[0] extends infer F
  ? { activityId?: string | null; attempt?: number | null; lastFailure?: F }
  : never;

const pendingLines = (pending: readonly PendingActivity[]): string[] =>
  pending.length === 0
    ? []
    : [
        '',
        ...tableLines(
          ['UNDER WAY', 'ATTEMPT', 'LAST FAILURE'],
          pending.map(({ activityId, attempt, lastFailure }) => [
            activityId ?? '',
            String(attempt ?? 1),
            lastFailure ? failureText(lastFailure) : '',
          ]),
        ),
      ];

async function endLines({ connection, namespace, config }: Temporal, run: string, cookbook: string): Promise<string[]> {
  const { history } = await connection.workflowService.getWorkflowExecutionHistoryReverse({
    namespace,
    execution: { workflowId: run },
    maximumPageSize: 1,
  });
  const last = history?.events?.[0];
  const outcome = last && outcomeOf(last);
  if (!outcome) return [];
  const lines = ['', ...outcomeLines(cookbook, outcome)];
  if (cookbook !== execName || outcome.report === undefined) return lines;
  const { Teller } = await import('../exec/told.ts');
  const teller = new Teller(outputsOf(config.state_dir, run), { stdout: false, stderr: false });
  return [...lines, '', ...teller.end(outcome.report as ExecReport).map(({ text }) => text)];
}
