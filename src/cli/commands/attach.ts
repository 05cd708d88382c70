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
  return follow(temporal, { run, cookbook: type, verbose: globals.verbose ?? false, dryRun });
}
