import { connect } from '../client.ts';
import type { Globals } from '../globals.ts';
import { listRuns, queries } from '../runs.ts';
import { dateTime, tableLines } from '../table.ts';

const most = 500;

/** `cookbook ps [--all]`: the open runs, and the children of runs that wait for a person. */
export async function ps(globals: Globals, all: boolean): Promise<number> {
  const runs = await listRuns(await connect(globals), all ? queries.all : queries.open, most);
  const rows = runs.map(({ run, cookbook, operator, phase, since, needsAnswer }) => [
    ...[run, cookbook, operator, phase, dateTime(since)],
    needsAnswer ? 'yes' : '',
  ]);
  const lines = tableLines(['RUN', 'COOKBOOK', 'OPERATOR', 'PHASE', 'SINCE', 'NEEDS ANSWER'], rows);
  process.stdout.write(`${lines.join('\n')}\n`);
  if (runs.length === most) process.stderr.write(`the newest ${most} only\n`);
  return 0;
}
