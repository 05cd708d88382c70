import { connect } from '../client.ts';
import { describeOpenRun } from '../describe.ts';
import type { Globals } from '../globals.ts';

/** `cookbook cancel RUN`: asks a run to stop where it is and to undo what it did. */
export async function cancel(globals: Globals, run: string): Promise<number> {
  const temporal = await connect(globals);
  await describeOpenRun(temporal, run);
  await temporal.client.workflow.getHandle(run).cancel();
  process.stdout.write(`cancelling, it rolls back: cookbook attach ${run}\n`);
  return 0;
}
