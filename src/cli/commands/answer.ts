import { sendAnswer } from '../answer.ts';
import { connect } from '../client.ts';
import { describeOpenRun } from '../describe.ts';
import { operator, type Globals } from '../globals.ts';

/** `cookbook answer RUN VALUE`: answers what a run asks. */
export async function answer(
  globals: Globals,
  run: string,
  value: string,
  prompt: string | undefined,
): Promise<number> {
  const temporal = await connect(globals);
  await describeOpenRun(temporal, run);
  await sendAnswer(temporal, run, { value, by: operator(), ...(prompt !== undefined && { prompt }) });
  process.stdout.write(`${run} goes on with '${value}'\n`);
  return 0;
}
