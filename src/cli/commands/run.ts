import { loadConfig } from '../../config/load.ts';
import { parseArguments } from '../../cookbooks/arguments.ts';
import { discover } from '../../cookbooks/discover.ts';
import { resolveCookbook } from '../../cookbooks/resolve.ts';
import { contextOf, type Globals } from '../globals.ts';

/** `cookbook NAME ARGS...`: starts a run and follows it; a group is listed. */
export async function run(globals: Globals, name: string, argv: string[]): Promise<number> {
  const context = contextOf(globals);
  const { config } = await loadConfig(globals.configFile);
  const found = await resolveCookbook(discover(config), name);
  if ('group' in found) return (await import('./list.ts')).list(globals, `${found.group}.`);
  const { cookbook } = found;
  const parsed = parseArguments(cookbook, argv);
  if ('help' in parsed) {
    process.stdout.write(parsed.help);
    return 0;
  }
  await import('../api.ts');
  const { connect } = await import('../client.ts');
  const temporal = await connect(globals, context);
  const { assertServed } = await import('../served.ts');
  await assertServed(temporal);
  const { startRun } = await import('../start.ts');
  const started = await startRun(temporal, cookbook.name, { argv, args: parsed.args, context });
  const { follow } = await import('../follow/follow.ts');
  return follow(temporal, { ...started, cookbook: cookbook.name, verbose: context.verbose, dryRun: context.dryRun });
}
