import { Command, Option } from 'commander';
import { reportError } from './exit-code.ts';
import type { Globals } from './globals.ts';

// Each command is loaded only when it is called: what a start does not need, it does not pay for.
const program = new Command('cookbook')
  .description(
    'Runs cookbooks: operational procedures that survive every process, and undo what they did when they fail.',
  )
  .usage('[GLOBAL_ARGS] COOKBOOK [ARGS...]\n       cookbook [GLOBAL_ARGS] COMMAND [ARGS...]')
  .option(
    '-c, --config-file <path>',
    'configuration; else COOKBOOK_CONFIG, ~/.config/sumac/config.yaml, /etc/sumac/config.yaml',
  )
  .option('-d, --dry-run', 'change nothing: read, and print what would be done')
  .option('-v, --verbose', "tell the engine's own doings too; with --list the titles")
  .option('--no-locks', 'take no locks for this run')
  .addOption(
    new Option('--on-failure <policy>', 'undo everything, or park the run until a person decides')
      .choices(['rollback', 'hold'])
      .default('rollback'),
  )
  .option('--reason <text>', 'why, in your words')
  .option('--task <task>', 'ticket, such as T12345')
  .option('--max-hosts <n>', 'refuse a query that gives more hosts; else max_hosts of the configuration')
  .option('--version', 'print the version')
  .option('-l, --list', 'print the tree of cookbooks; COOKBOOK then is a prefix')
  .argument('[cookbook]', 'name of a cookbook, or of a group to list')
  .argument('[args...]', 'arguments of the cookbook')
  .enablePositionalOptions()
  .passThroughOptions()
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));

// They speak with no server, with all of its API, or only once their arguments are right.
const apart = ['cookbook', 'hosts', 'worker'];
program.hook('preAction', async (_, command) => {
  if (!apart.includes(command.name())) await import('./api.ts');
});

const globals = () => program.opts<Globals & Record<string, unknown>>();

program.action(async (name: string | undefined, argv: string[]) => {
  if (globals().version) return end((await import('./commands/version.ts')).version());
  if (globals().list) return end((await import('./commands/list.ts')).list(globals(), name ?? ''));
  if (name === undefined) return program.help();
  return end((await import('./commands/run.ts')).run(globals(), name, argv));
});
program
  .command('attach <run>')
  .description('follow a run to its end')
  .action(async (run: string) => end((await import('./commands/attach.ts')).attach(globals(), run)));
program
  .command('answer <run> <value>')
  .description('answer what a run asks')
  .option('--prompt <id>', 'which of its prompts, when it has several')
  .action(async (run: string, value: string, { prompt }: { prompt?: string }) =>
    end((await import('./commands/answer.ts')).answer(globals(), run, value, prompt)),
  );
program
  .command('ps')
  .description('list the open runs')
  .option('--all', 'closed ones too, as long as the server keeps them')
  .action(async ({ all }: { all?: boolean }) => end((await import('./commands/ps.ts')).ps(globals(), all ?? false)));
program
  .command('prompts')
  .description('list what open runs ask')
  .action(async () => end((await import('./commands/prompts.ts')).prompts(globals())));
program
  .command('show <run>')
  .description('show what a run has done, does and waits for')
  .action(async (run: string) => end((await import('./commands/show.ts')).show(globals(), run)));
program
  .command('cancel <run>')
  .description('cancel a run, which rolls back')
  .action(async (run: string) => end((await import('./commands/cancel.ts')).cancel(globals(), run)));
program
  .command('fleet <run> <action> [value]')
  .description('steer a fleet run: pause, resume, width N, skip HOST, abort')
  .action(async (run: string, action: string, value: string | undefined) =>
    end((await import('./commands/fleet.ts')).fleet(globals(), run, action, value)),
  );
const locks = program
  .command('locks')
  .description('list who holds which lock, and who waits for it')
  .option('--json', 'an object with all that is known; with --watch a line for each change')
  .option('--watch', 'go on showing it')
  .action(async (options: { json?: boolean; watch?: boolean }) =>
    end((await import('./commands/locks.ts')).locks(globals(), options)),
  );
locks
  .command('break <key>')
  .description('take a lock away from its holder: the run stops what it does under it, and rolls back')
  .option('--reason <text>', 'why; the run, its log and the SAL tell it')
  .option('--run <run>', 'which of several holders')
  .option('--force', 'do not ask for confirmation')
  .action(async (key: string, options: { reason?: string; run?: string; force?: boolean }) =>
    end((await import('./commands/break-lock.ts')).breakLock(globals(), key, options)),
  );
program
  .command('hosts <query>')
  .description("print a query's hosts, folded")
  .option('--expand', 'one name a line')
  .option('--json', 'an object with hosts, folded and count')
  .option('--backend <name>', 'the default backend for this query')
  .action(async (query: string, options: { expand?: boolean; json?: boolean; backend?: string }) =>
    end((await import('./commands/hosts.ts')).hosts(globals(), query, options)),
  );
program
  .command('exec')
  .description('run commands on hosts: cookbook exec QUERY COMMAND...')
  .usage('[options] QUERY [COMMAND...]')
  .argument('[args...]')
  .helpOption(false)
  .allowUnknownOption()
  .passThroughOptions()
  .action(async (args: string[]) => end((await import('./commands/exec.ts')).exec(globals(), args)));
program
  .command('worker')
  .description('serve runs until SIGTERM')
  .option('--site <site>', 'serve only the activities of this site')
  .action(async ({ site }: { site?: string }) => end((await import('./commands/worker.ts')).worker(globals(), site)));

/** Ends the process with what a command returns: connections left open must not keep it. */
async function end(code: Promise<number>): Promise<never> {
  process.exit(await code);
}

try {
  await program.parseAsync();
} catch (error) {
  process.exit(reportError(error, globals().verbose ?? false));
}
