import type { Outcome } from './outcome.ts';

/** Tells how a run ended: the END line and what is left on stderr, the plan of a dry run and the report on stdout. */
export function tellOutcome(cookbook: string, outcome: Outcome): void {
  const { plan, report } = outcome;
  for (const line of outcomeLines(cookbook, outcome)) process.stderr.write(`${line}\n`);
  if (plan) {
    const lines = plan.map((step, i) => `${String(i + 1).padStart(3)}. ${step}`);
    process.stdout.write(
      `${['DRY-RUN: it would, in this order:', ...(lines.length > 0 ? lines : ['  do nothing'])].join('\n')}\n`,
    );
  }
  if (report !== undefined)
    process.stdout.write(`${typeof report === 'string' ? report : JSON.stringify(report, null, 2)}\n`);
}

/** The END line, why it did not pass, and what could not be undone. */
export const outcomeLines = (cookbook: string, { exitCode, status, error, notUndone, warning }: Outcome): string[] => [
  `END (${status}) - Cookbook ${cookbook} (exit_code=${exitCode})${error === undefined ? '' : `: ${error}`}`,
  ...(notUndone ?? []).map((left) => `NOT undone: ${left}`),
  ...(warning === undefined ? [] : [`WARNING: ${warning}`]),
];
