import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { OpsError, isOpsError } from '../../model/errors.ts';
import { type ExecArgs, execName } from '../../model/exec.ts';
import { fold } from '../../model/host-set.ts';
import { mostReported } from '../../model/packed-execution.ts';
import { bounded, resolveQuery } from '../../query/query.ts';
import { type ExecArguments, parseExec } from '../exec/arguments.ts';
import { confirm } from '../exec/confirm.ts';
import { execExit } from '../exec/exit.ts';
import { paint } from '../exec/style.ts';
import { reportError } from '../exit-code.ts';
import { contextOf, type Globals } from '../globals.ts';
import { say } from '../terminal.ts';

/** `cookbook exec QUERY COMMAND...`: commands on hosts as a run, with Cumin's report and exit codes. */
export async function exec(globals: Globals, argv: readonly string[]): Promise<number> {
  try {
    const parsed = parseExec(argv);
    if (!('help' in parsed)) return await execute(globals, argv, parsed);
    process.stdout.write(parsed.help);
    return 0;
  } catch (error) {
    reportError(error, globals.verbose ?? false);
    return isOpsError(error) && beforeHosts.test(error.code) ? execExit.failed : execExit.error;
  }
}

/** Errors that Cumin meets before it looks for hosts. */
const beforeHosts = /^(?:CONFIG|ARGUMENTS|TASK|REASON|MAX_HOSTS)_/;

async function execute(globals: Globals, argv: readonly string[], args: ExecArguments): Promise<number> {
  const context = contextOf(globals);
  const dryRun = context.dryRun || args.dryRun;
  const paints = paint(args.colors && process.stderr.isTTY);
  const { yellow } = paints;
  if (args.okCodes?.length === 0)
    say(yellow('IGNORE EXIT CODES mode enabled, all commands executed will be considered successful'));
  const { config } = await loadConfig(globals.configFile);
  const hosts = await hostsOf(args, config, context.maxHosts ?? config.max_hosts);
  if (hosts.length === 0) {
    say(yellow('No hosts found that matches the query'));
    return execExit.ok;
  }
  if (hosts.length * args.commands.length > mostReported)
    throw new OpsError(
      'usage',
      'ARGUMENTS_INVALID',
      `exec: ${args.commands.length} commands on ${hosts.length} hosts are more results than a run can hand back (${mostReported}): give fewer commands at a time, or fewer hosts`,
    );
  say(yellow(`${hosts.length} hosts will be targeted:`));
  if (args.commands.length === 0 || (dryRun && !args.safe)) {
    process.stdout.write(`${paint(args.colors && process.stdout.isTTY).cyan(fold(hosts))}\n`);
    say(yellow('DRY-RUN mode enabled, aborting'));
    return execExit.ok;
  }
  if (!(await confirm(hosts, args.force, paints))) {
    say(yellow('Execution interrupted by Ctrl+c/SIGINT/Aborted'));
    return execExit.interrupted;
  }
  // Nothing of it can be undone, so there is nothing to ask a person when it fails.
  const rules = { ...context, dryRun, noLocks: true, onFailure: 'rollback', maxHosts: hosts.length } as const;
  const { connect } = await import('../client.ts');
  const temporal = await connect(globals, rules);
  const { assertServed } = await import('../served.ts');
  await assertServed(temporal);
  const { startRun } = await import('../start.ts');
  const started = await startRun(temporal, execName, { argv, args: { ...runArgs(args, hosts) }, context: rules });
  const { follow } = await import('../follow/follow.ts');
  const { ExecDisplay } = await import('../exec/display.ts');
  const display = new ExecDisplay(temporal, started.run, {
    ...args,
    verbose: context.verbose,
    live: hosts.length === 1 && args.output === undefined,
  });
  return follow(temporal, { ...started, cookbook: execName, verbose: context.verbose, dryRun, display });
}

async function hostsOf({ query, backend }: ExecArguments, config: Config, maxHosts: number): Promise<string[]> {
  const found = await resolveQuery(query, { config, signal: new AbortController().signal, warn: say }, backend);
  return [...bounded(query, found, { allowEmpty: true, maxHosts })];
}

function runArgs(
  { query: _, backend: _b, colors: _c, progress: _p, force: _f, dryRun: _d, ...args }: ExecArguments,
  hosts: readonly string[],
): ExecArgs {
  return { ...args, hosts: fold(hosts) };
}
