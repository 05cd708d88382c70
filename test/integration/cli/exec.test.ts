import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Going, TestCli } from '../../support/cookbook-cli.ts';
import { type LabCli, startLabCli, until } from '../../support/lab-cli.ts';
import { nap } from '../../support/nap.ts';
import type { SshLab } from '../../support/sshd.ts';

let lab: SshLab;
let cli: TestCli;
let stop: LabCli['stop'];

before(async () => {
  ({ lab, cli, stop } = await startLabCli(['web1', 'web2', 'web3']));
  await cli.worker();
});
after(() => stop());

const file = (name: string) => join(lab.dir, name);
const lines = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8').trim().split('\n') : []);
const runId = (going: Going) => going.until(/^(exec\/\d{8}-\d{6}-\w+-[0-9a-f]{4})\r?$/m).then(([, id = '']) => id);
const question = /OK to proceed on 2 hosts\? Enter the number of affected hosts to confirm or "q" to quit[^]*> /;

test('at a terminal the number of hosts confirms, and a bar shows how far it is', async () => {
  const going = cli.start(
    ['exec', 'web[1-2]', `echo x >>${file('confirmed')}; while [ ! -e ${file('go')} ]; do sleep 0.1; done`],
    {
      terminal: true,
    },
  );
  await going.until(/2 hosts will be targeted:[^]*web\[1-2\][^]*OK to proceed/);
  await going.until(question);
  going.type('3\r');
  await going.until(/OK to proceed[^]*OK to proceed[^]*> /);
  assert.deepEqual(lines('confirmed'), []);
  going.type('2\r');
  await going.until(/PASS \|\s+\| +0% \(0\/2\) \[[^\]]*hosts\/s\][^]*FAIL \|\s+\| +0% \(0\/2\) \[2 running\]/);
  execFileSync('touch', [file('go')]);
  const { code } = await going.ended;
  assert.equal(code, 0, going.output);
  assert.match(going.output, /\S\[34m===== NO OUTPUT =====/);
  assert.match(going.output, /\[32m100\.0% \(2\/2\) success ratio .* all commands\.\S\[39m\r\n$/);
  assert.deepEqual(lines('confirmed'), ['x', 'x']);
});

test('q at the question ends with 98, no terminal without --force with 99, and nothing runs', async () => {
  const going = cli.start(['exec', 'web[1-2]', `echo x >>${file('never')}`], { terminal: true });
  await going.until(question);
  going.type('q\r');
  assert.equal((await going.ended).code, 98, going.output);
  const refused = await cli.run(['exec', 'web[1-2]', `echo x >>${file('never')}`]);
  assert.equal(refused.code, 99);
  assert.match(
    refused.stderr,
    /web\[1-2\]\nNot in a TTY but neither DRY-RUN nor FORCE mode were specified: add --force/,
  );
  assert.deepEqual(lines('never'), []);
});

test('a dry run shows the hosts and runs only what is safe', async () => {
  const shown = await cli.run(['-d', 'exec', 'web[1-3]', `echo x >>${file('dry')}`]);
  assert.deepEqual(shown, {
    code: 0,
    stdout: 'web[1-3]\n',
    stderr: '3 hosts will be targeted:\nDRY-RUN mode enabled, aborting\n',
  });
  assert.deepEqual(lines('dry'), []);
  const safe = await cli.run(['-d', 'exec', '--force', '--safe', '-o', 'txt', 'web[1-3]', 'echo ${HOME##*/}']);
  assert.equal(safe.code, 0, safe.stderr);
  assert.equal(safe.stdout, '_____FORMATTED_OUTPUT_____\nweb1: web1\nweb2: web2\nweb3: web3\n');
});

test('the run outlives who started it; attach and show print its report', async () => {
  const command = `echo x >>${file('alone')}; while [ ! -e ${file('let-go')} ]; do sleep 0.1; done; echo done; [ \${HOME##*/} != web2 ]`;
  const going = cli.start(['exec', '--force', '-p', '60', 'web[1-3]', command]);
  const id = await runId(going);
  await until(() => lines('alone').length === 3);
  going.kill('SIGKILL');
  await going.ended;
  const attached = cli.start(['attach', id]);
  await runId(attached);
  execFileSync('touch', [file('let-go')]);
  const { code, stdout, stderr } = await attached.ended;
  assert.equal(code, 1, stderr);
  assert.match(
    stdout,
    /^===== NODE GROUP =====\n\(3\) web\[1-3\]\n----- OUTPUT for command #1: 'echo x .*' -----\ndone\n=+\n$/,
  );
  assert.match(stderr, /^33\.3% \(1\/3\) of nodes failed to execute command #1: '.*': web2$/m);
  assert.match(stderr, /66\.7% \(2\/3\) success ratio \(>= 60\.0% threshold\) of nodes .*: web\[1,3\]\n$/);
  const shown = await cli.run(['show', id]);
  assert.ok(shown.stdout.includes(stdout), shown.stdout);
  assert.deepEqual(lines('alone'), ['x', 'x', 'x']);
});

test('ndjson tells each host and command; accepted exit statuses are successes', async () => {
  const args = [
    'exec',
    '--force',
    '-m',
    'async',
    '-o',
    'ndjson',
    '--ok-codes',
    '0,3',
    'web[1-2]',
    'echo one; exit 3',
    'exit 4',
  ];
  const { code, stdout, stderr } = await cli.run(args);
  assert.equal(code, 2, stderr);
  const objects = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    objects.map(({ host, command, exitCode, ok, output, error }) => [host, command, exitCode, ok, output, error]),
    [
      ['web1', 'echo one; exit 3', 3, true, 'one\n', null],
      ['web2', 'echo one; exit 3', 3, true, 'one\n', null],
      ['web1', 'exit 4', 4, false, '', null],
      ['web2', 'exit 4', 4, false, '', null],
    ],
  );
});

test('long output is cut, and said where the whole is', async () => {
  const { code, stdout, stderr } = await cli.run(['exec', '--force', 'web[1-2]', 'seq 1 20000']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /\n\[\.\.\. \d+ bytes left out \.\.\.\]\n/);
  const [, directory = ''] =
    /^Long output is cut: web\[1-2\]\. The whole is on the worker, in (.*)$/m.exec(stderr) ?? [];
  const logs = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => /web\d\.log$/.test(name));
  assert.equal(logs.length, 2);
  assert.match(readFileSync(join(directory, logs[0] ?? ''), 'utf8'), /\n10000\n/);
});

test('a host that cannot be reached has failed soon, and stderr says why', async () => {
  await lab.host('web3').kill();
  const { code, stdout, stderr } = await cli.run(['exec', '--force', 'web[2-3]', 'echo ok']);
  await lab.host('web3').start();
  assert.equal(code, 2);
  assert.match(stdout, /\(1\) web2\n/);
  assert.match(
    stderr,
    /^50\.0% \(1\/2\) of nodes failed to execute command #1: 'echo ok': web3\n {2}web3: .*refused.*$/im,
  );
});

test('Ctrl-C and abort end the commands on the hosts, with 98', async () => {
  const going = cli.start(['exec', '--force', 'web[1-2]', `exec sleep ${nap(1)}`], { terminal: true });
  const running = () =>
    execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line === `sleep ${nap(1)}`);
  await until(() => running().length === 2);
  going.type('\u0003');
  await going.until(/==> Ctrl-C: 'detach'[^]*> /);
  going.type('abort\r');
  assert.equal((await going.ended).code, 98, going.output);
  assert.deepEqual(running(), []);
});

test('an unknown host ends the run before anything starts', async () => {
  const { code, stderr } = await cli.run([
    'exec',
    '--force',
    'web1,no-such-host.invalid',
    `echo x >>${file('unknown')}`,
  ]);
  assert.equal(code, 99);
  assert.match(stderr, /unknown host no-such-host\.invalid/);
  assert.deepEqual(lines('unknown'), []);
});

test('more results than a run can hand back are refused before anything starts', async () => {
  const commands = Array.from({ length: 6 }, (_, i) => `echo ${i}`);
  const { code, stderr } = await cli.run(['exec', '--force', '-m', 'sync', 'web[1-10000]', ...commands]);
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^exec: 6 commands on 10000 hosts are more results than a run can hand back \(50000\): give fewer /m,
  );
});
