import { messageOf } from '../../model/errors.ts';
import { howToAnswer } from '../how-to-answer.ts';
import { connect, type Temporal } from '../client.ts';
import type { Globals } from '../globals.ts';
import { listRuns, queries } from '../runs.ts';
import { statusOf } from '../served.ts';
import { dateTime } from '../table.ts';

const most = 200;

/** `cookbook prompts`: what open runs ask, and how to answer. */
export async function prompts(globals: Globals): Promise<number> {
  const temporal = await connect(globals);
  const runs = await listRuns(temporal, queries.waiting, most);
  for (const { run } of runs) process.stdout.write(`${(await promptLines(temporal, run)).join('\n')}\n`);
  if (runs.length === 0) process.stderr.write('no run waits for an answer\n');
  return 0;
}

async function promptLines(temporal: Temporal, run: string): Promise<string[]> {
  try {
    const { prompts: open } = await statusOf(temporal, run);
    return open.flatMap(({ id, message, choices, since }) => [
      `${run}  (since ${dateTime(since)})`,
      `  ==> ${message}`,
      `  ${howToAnswer(run, choices, open.length > 1 ? id : undefined)}`,
    ]);
  } catch (error) {
    return [run, `  what it asks is not known: ${messageOf(error)}`];
  }
}
