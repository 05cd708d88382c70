import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestCli } from '../../support/cookbook-cli.ts';
import type { SshLab } from '../../support/sshd.ts';
import type { Seen } from './differences.ts';

/** Both programs on the same hosts. */
export type Program = (args: readonly string[], trace: string) => Promise<Seen>;

/** What stands for the file to write down in. */
const withTrace = (args: readonly string[], trace: string) => args.map((arg) => arg.replaceAll('TRACE', trace));

/** The real Cumin, by the same keys and known hosts. */
export function cuminOn(lab: SshLab, aliases: string): Program {
  const config = join(lab.dir, 'config.yaml');
  const options = [
    `-F ${lab.sshConfig}`,
    `-oUserKnownHostsFile=${lab.knownHosts}`,
    `-oIdentityFile=${lab.key}`,
    '-oIdentitiesOnly=yes',
    '-oKexAlgorithms=curve25519-sha256',
    '-l root',
  ];
  writeFileSync(
    config,
    `transport: clustershell\nlog_file: ${lab.dir}/cumin.log\ndefault_backend: direct\nclustershell:\n  ssh_options:\n` +
      options.map((option) => `    - ${option}\n`).join(''),
  );
  writeFileSync(join(lab.dir, 'aliases.yaml'), aliases);
  return async (args, trace) => {
    const all = ['-c', config, '--force', '-n', '--no-progress', ...withTrace(args, trace)];
    const child = spawn('cumin', all, { env: { ...process.env, USER: 'tester' }, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [code] = (await once(child, 'close')) as [number | null];
    return seen(code, stdout, stderr, trace);
  };
}

/** `cookbook exec`. */
export const execOn =
  (cli: TestCli): Program =>
  async (args, trace) => {
    const run = () => cli.run(['exec', '--force', '-n', ...withTrace(args, trace)]);
    let ended = await run();
    // Nothing has run then: a server on a machine this busy needs another try.
    for (let tries = 1; tries < 5 && ended.stderr.includes('Temporal does not answer'); tries++) ended = await run();
    return seen(ended.code, ended.stdout, ended.stderr, trace);
  };

/** Lines of our own: the run's id, why a host could not be reached, what an attempt met. */
const ownLines = /^(?:exec\/\d{8}-\d{6}-\S+$| {2}|\d\d:\d\d:\d\d )/;

function seen(code: number | null, stdout: string, stderr: string, trace: string): Seen {
  const lines = (text: string) => text.replaceAll(trace, 'TRACE').split('\n').slice(0, -1);
  return {
    code,
    stdout: inOrder(lines(stdout)),
    stderr: lines(stderr).filter((line) => !ownLines.test(line)),
    trace: existsSync(trace) ? readFileSync(trace, 'utf8').trim().split('\n').sort() : [],
  };
}

/** The groups of each command in one order, as Cumin has none; other lines as they are. */
function inOrder(lines: readonly string[]): string[] {
  const all: string[] = [];
  let groups: string[] = [];
  for (const line of lines)
    if (line === '===== NODE GROUP =====') groups.push(line);
    else if (groups.length > 0 && line !== '================') groups.push(`${groups.pop() ?? ''}\n${line}`);
    else {
      all.push(...groups.sort(), line);
      groups = [];
    }
  return [...all, ...groups];
}
