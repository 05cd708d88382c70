import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { testCli, type Ended, type TestCli } from '../../support/cookbook-cli.ts';
import { freePort } from '../../support/etcd.ts';
import { startTemporal, type TemporalServer } from '../../support/temporal.ts';

let server: TemporalServer;
let cli: TestCli;
before(async () => {
  server = await startTemporal();
  cli = testCli(config(server.address));
});
after(async () => {
  await cli.stop();
  await server.stop();
});

const config = (address: string) => `\
cookbooks_base_dirs: [${import.meta.dirname}]
logs_base_dir: DIRECTORY/logs
state_dir: DIRECTORY/state
temporal: { address: '${address}', task_queue: nobody-here }
`;

/** One line on stderr, nothing on stdout, nothing started. */
async function oneLine(ended: Ended, code: number, line: RegExp): Promise<void> {
  assert.equal(ended.code, code, ended.stderr);
  assert.equal(ended.stdout, '');
  assert.match(ended.stderr.trimEnd(), line);
  assert.equal(ended.stderr.trimEnd().split('\n').length, 1, ended.stderr);
  assert.equal((await server.client.workflow.count()).count, 0);
}

test('an unknown cookbook is told with its near matches, exit 98', async () => {
  await oneLine(await cli.run(['ask', 'x']), 98, /^Unable to find cookbook ask: did you mean asks\?$/);
});

test('wrong arguments of a cookbook are told with its usage, exit 2', async () => {
  const usage = /; usage: cookbook \[GLOBAL_ARGS\] asks \[options\] <word>$/;
  await oneLine(await cli.run(['asks']), 2, /^asks: missing required argument 'word'/);
  await oneLine(await cli.run(['asks']), 2, usage);
  await oneLine(await cli.run(['asks', 'a', '--nope']), 2, /^asks: unknown option '--nope'/);
  await oneLine(await cli.run(['asks', 'a', '-d']), 2, /^asks: unknown option '-d'/);
});

test('unknown global options are refused and long ones are not abbreviated, exit 2', async () => {
  await oneLine(await cli.run(['--nope', 'asks', 'a']), 2, /unknown option '--nope'/);
  await oneLine(await cli.run(['--dry', 'asks', 'a']), 2, /unknown option '--dry'/);
  await oneLine(
    await cli.run(['--on-failure', 'pray', 'asks', 'a']),
    2,
    /'pray' is invalid. Allowed choices are rollback, hold/,
  );
  await oneLine(await cli.run(['--task', '12', 'asks', 'a']), 2, /^--task '12' is no task: write T/);
  await oneLine(await cli.run(['--reason', '', 'asks', 'a']), 2, /^--reason '': it must not be empty/);
});

test('a queue without a worker is told with the way out, exit 1', async () => {
  await oneLine(
    await cli.run(['asks', 'a']),
    1,
    new RegExp(`^no worker polls the task queue nobody-here at ${server.address}: start one with 'cookbook worker'$`),
  );
});

test('a server that does not answer is told with its address, exit 1', async () => {
  const address = `127.0.0.1:${await freePort()}`;
  const lost = testCli(config(address));
  try {
    for (const args of [['asks', 'a'], ['ps'], ['prompts'], ['show', 'x'], ['worker']])
      await oneLine(await lost.run(args), 1, new RegExp(`^Temporal does not answer at ${address}: .`));
  } finally {
    await lost.stop();
  }
});

test('a wrong key of the configuration is told by file, line and key, exit 1', async () => {
  const wrong = testCli(`${config(server.address)}tcpircbot_hots: irc.example.org\n`);
  try {
    await oneLine(
      await wrong.run(['asks', 'a']),
      1,
      /config\.yaml:5: tcpircbot_hots: unknown key, did you mean 'tcpircbot_host'\?$/,
    );
  } finally {
    await wrong.stop();
  }
});

test('a configuration that is not there is told, exit 1', async () => {
  await oneLine(
    await cli.run(['-c', '/nowhere.yaml', 'asks', 'a']),
    1,
    /^configuration \/nowhere\.yaml cannot be read: ENOENT/,
  );
});

test('runs that are not there are told by every command, exit 2', async () => {
  for (const args of [['attach'], ['show'], ['cancel'], ['answer', 'go'], ['fleet', 'pause']]) {
    const [command = '', ...rest] = args;
    await oneLine(await cli.run([command, 'nope/1', ...rest]), 2, /^no run 'nope\/1': see 'cookbook ps --all'$/);
  }
  await oneLine(await cli.run(['fleet', 'nope/1', 'hurry']), 2, /^unknown action 'hurry': pause, resume, width/);
  await oneLine(await cli.run(['fleet', 'nope/1', 'width', '0']), 2, /^width '0': say how many/);
  await oneLine(await cli.run(['attach']), 2, /missing required argument 'run'/);
});

test('the launcher works through a symbolic link and from another directory', () => {
  const link = join(cli.directory, 'cookbook');
  execFileSync('ln', ['-s', join(import.meta.dirname, '../../../bin/cookbook'), link]);
  writeFileSync(join(cli.directory, 'relative.yaml'), config(server.address).replaceAll('DIRECTORY', '.'));
  const listed = execFileSync(link, ['-c', 'relative.yaml', '--list'], { cwd: cli.directory, encoding: 'utf8' });
  assert.equal(listed, 'cookbooks\n|-- asks [testers]\n|-- exclusive [unowned]\n`-- returns [unowned]\n');
});
