import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { OpsError, messageOf } from '../../model/errors.ts';
import type { ExecArgs } from '../../model/exec.ts';

/** What `cookbook exec` was asked to do. */
export interface ExecArguments extends Omit<ExecArgs, 'hosts'> {
  query: string;
  backend?: string;
  colors: boolean;
  progress: boolean;
  force: boolean;
  dryRun: boolean;
}

const number =
  (what: string, fits: (value: number) => boolean) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+(?:\.\d+)?$/.test(text) || !fits(value)) throw new InvalidArgumentError(`Expected ${what}.`);
    return value;
  };
const seconds = number('seconds above 0, such as 30', (value) => value > 0);
const whole = (what: string, least: number, most: number) =>
  number(what, (value) => Number.isInteger(value) && value >= least && value <= most);

const batch = whole('a number of hosts above 0, or a percentage such as 10%', 1, Number.MAX_SAFE_INTEGER);
const percentage = whole('a percentage from 1% to 100%, or a number of hosts', 1, 100);
const batchSize = (text: string): number | `${number}%` =>
  text.endsWith('%') ? `${percentage(text.slice(0, -1))}%` : batch(text);

const exitStatus = whole('exit statuses from 0 to 255, such as 0,2', 0, 255);
const okCodes = (text: string): number[] => [...new Set(text.split(',').map((code) => exitStatus(code.trim())))];

const examples = `
One command runs on all hosts at once; several need -m: 'sync' runs each on all hosts before the next and reports it then,
'async' runs all of them on each host. Output is grouped by what hosts said the same, that of a single host is shown as it
comes; it goes to stdout, everything else to stderr.
The run goes on when this terminal is gone: 'cookbook attach RUN' follows it again and prints the same report.

Examples:
  cookbook exec 'cloudvirt[1001-1010].lab' 'uname -r'
  cookbook exec -b 2 -s 30 -p 90 'web[1-20]' 'systemctl restart nginx'     # two at a time, stops below 90 % success
  cookbook exec -m sync -t 60 'db[1-3]' 'systemctl stop foo' 'rm -r /var/lib/foo' 'systemctl start foo'
  cookbook exec -o ndjson --force --safe 'web[1-20]' 'cat /etc/debian_version' | jq .output
  cookbook exec 'web[1-20] and not web3'                                   # no command: only shows the hosts

Exit status: 0 all hosts succeeded (or none matched), 1 some failed but the threshold is met, 2 below the threshold or
wrong usage, 98 interrupted or not confirmed, 99 an error.`;

const program = (): Command =>
  new Command('cookbook [GLOBAL_ARGS] exec')
    .description('Run commands on hosts: one durable run, each command at most once on each host.')
    .argument('<query>', 'the hosts')
    .argument('[command...]', 'commands for the login shell of each host; quote each')
    .addOption(new Option('-m, --mode <mode>', 'how to run several commands').choices(['sync', 'async']))
    .option('-b, --batch-size <size>', 'hosts at a time, N or N%; the next starts when one ends', batchSize)
    .option(
      '-s, --batch-sleep <seconds>',
      'wait after each host of a batch before the next',
      number('seconds, such as 30 or 0.5', () => true),
    )
    .option(
      '-p, --success-percentage <pct>',
      'stop when fewer hosts can still succeed',
      whole('a whole percentage from 0 to 100', 0, 100),
      100,
    )
    .option('-t, --timeout <seconds>', 'of each command on each host', seconds)
    .option('-g, --global-timeout <seconds>', 'of everything', seconds)
    .option('--ok-codes <list>', 'exit statuses that count as success, such as 0,2', okCodes)
    .option('-x, --ignore-exit-codes', 'USE WITH CAUTION: every exit status counts as success')
    .addOption(
      new Option('-o, --output <format>', 'instead of groups: HOST: LINE, one object, or one object a line').choices([
        'txt',
        'json',
        'ndjson',
      ]),
    )
    .option('--backend <name>', 'the default backend for this query')
    .option('-n, --no-colors', 'no colours, which only a terminal gets')
    .option('--no-progress', 'no progress bar, which only a terminal gets')
    .option('--force', 'USE WITH CAUTION: do not ask for the number of hosts', false)
    .option('--safe', 'the commands only read: run them in a dry run too, and again where the outcome was lost', false)
    .option('--dry-run', "only show the hosts, as 'cookbook -d exec' does", false)
    .addHelpText('after', examples)
    .helpCommand(false);

const invalid = (message: string) =>
  new OpsError('usage', 'ARGUMENTS_INVALID', `exec: ${message} (see 'cookbook exec --help')`);

/**
 * Reads the command line after `exec`.
 * @returns the arguments, or the help that was asked for
 * @throws ARGUMENTS_INVALID
 */
export function parseExec(argv: readonly string[]): ExecArguments | { help: string } {
  let help = '';
  const parser = program()
    .exitOverride()
    .configureOutput({ writeOut: (text) => (help += text), writeErr: () => undefined });
  try {
    parser.parse(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return { help };
    throw invalid(
      messageOf(error)
        .replace(/^error: /, '')
        .replaceAll('\n', ' '),
    );
  }
  const [query, commands] = parser.processedArgs as [string, string[]];
  const { mode, ignoreExitCodes, ...options } = parser.opts<
    Omit<ExecArguments, 'mode'> & { mode?: 'sync' | 'async'; ignoreExitCodes?: true }
  >();
  if (query.trim() === '') throw invalid('the query is empty');
  const empty = commands.findIndex((command) => command.trim() === '');
  if (empty !== -1) throw invalid(`command #${empty + 1} is empty`);
  if (commands.length > 1 && mode === undefined)
    throw invalid('-m/--mode is required when there are multiple COMMANDS');
  if (commands.length > 1 && (options.output === 'txt' || options.output === 'json'))
    throw invalid('-o/--output txt and json can be used only with one command, ndjson with several');
  if (ignoreExitCodes && options.okCodes) throw invalid('-x/--ignore-exit-codes and --ok-codes exclude each other');
  return {
    ...options,
    query,
    commands,
    mode: commands.length > 1 && mode !== undefined ? mode : 'sync',
    ...(ignoreExitCodes && { okCodes: [] }),
  };
}
