import { execName } from '../../model/exec.ts';
import { searchAttributes } from '../../model/search-attributes.ts';
import { connect } from '../client.ts';
import { describeRun } from '../describe.ts';
import { follow } from '../follow/follow.ts';
import type { Globals } from '../globals.ts';

/** `cookbook attach RUN`: follows a run that goes on, or tells how it went. */
export async function attach(globals: Globals, run: string): Promise<number> {
  const temporal = await connect(globals);
  const { type, typedSearchAttributes } = await describeRun(temporal, run);
  const dryRun = typedSearchAttributes.get(searchAttributes.DryRun) ?? false;
  const verbose = globals.verbose ?? false;
  const followed = { run, cookbook: type, verbose, dryRun };
  if (type !== execName) return follow(temporal, followed);
  const { ExecDisplay } = await import('../exec/display.ts');
  const display = new ExecDisplay(temporal, run, {
    colors: !process.env['NO_COLOR'],
    progress: true,
    verbose,
    live: true,
  });
  return follow(temporal, { ...followed, display });
}
