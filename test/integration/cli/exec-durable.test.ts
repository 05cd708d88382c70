import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Going, TestCli } from '../../support/cookbook-cli.ts';
import { beatsOf, type LabCli, startLabCli, until } from '../../support/lab-cli.ts';
import { nap } from '../../support/nap.ts';
import type { SshLab } from '../../support/sshd.ts';
import type { TemporalServer } from '../../support/temporal.ts';

let lab: SshLab;
let server: TemporalServer;
let cli: TestCli;
let stop: LabCli['stop'];
let worker: Going;
const hosts = ['web1', 'web2', 'web3', 'web4'];

before(async () => {
  ({ lab, server, cli, stop } = await startLabCli(hosts));
  worker = await cli.worker();
});
after(() => stop());

const file = (name: string) => join(lab.dir, name);
const lines = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8').trim().split('\n') : []);
const note = (name: string) => `echo x >>$HOME/${name}`;
/** How often a command has written its note on each host. */
const counts = (name: string) => hosts.map((host) => lines(join(host, name)).length);
const untilThere = (name: string) => `while [ ! -e ${file(name)} ]; do sleep 0.1; done`;
const on = (which: string, what: string) => `case $HOME in */web[${which}]) ${what};; esac`;
const runId = (going: Going) => going.until(/^(exec\/\d{8}-\d{6}-\w+-[0-9a-f]{4})\r?$/m).then(([, id = '']) => id);
const running = (seconds: number) =>
  execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line === `sleep ${seconds}`).length;

test('in mode sync the report of each command is there as soon as it is over, and once only', async () => {
  const second = `${untilThere('go-on')}; echo two`;
  const going = cli.start([
    'exec',
    '--force',
    '-m',
    'sync',
    '-p',
    '50',
    'web[1-4]',
    on('4', 'exit 3') + '; echo one',
    second,
  ]);
  await going.until(/^75\.0% \(3\/4\) success ratio \(>= 50\.0% threshold\) for command #1: .*: web\[1-3\]$/m);
  assert.match(going.output, /^===== NODE GROUP =====\n\(3\) web\[1-3\]\n----- OUTPUT for command #1: .*\none\n=+$/m);
  assert.doesNotMatch(going.output, /command #2/);
  writeFileSync(file('go-on'), '');
  const { code, stdout, stderr } = await going.ended;
  assert.equal(code, 1, stderr);
  assert.deepEqual(stdout.match(/for command #\d/g), ['for command #1', 'for command #2']);
  assert.deepEqual(stderr.match(/threshold\) (for command #\d|of nodes)/g), [
    'threshold) for command #1',
    'threshold) for command #2',
    'threshold) of nodes',
  ]);
});

test('a run that is cancelled tells what had ended, what was ended and what was not sent', async () => {
  const command = `${note('sent')}; echo by \${HOME##*/}; ${on('3', `exec sleep ${nap(1)}`)}; ${on('1', 'exit 3')}`;
  const going = cli.start(['exec', '--force', '-b', '3', '-s', '3600', '-p', '50', 'web[1-4]', command]);
  const id = await runId(going);
  await until(
    async () => running(nap(1)) === 1 && (await beatsOf(server.client.workflow.getHandle(id)))[0]?.done === 2,
  );
  const cancelled = await cli.run(['cancel', id]);
  assert.equal(cancelled.code, 0, cancelled.stderr);
  const { code, stdout, stderr } = await going.ended;
  assert.equal(code, 98, stderr);
  assert.deepEqual(counts('sent'), [1, 1, 1, 0]);
  assert.equal(running(nap(1)), 0);
  assert.deepEqual(stdout.match(/^by .*$/gm)?.slice(0, 2), ['by web1', 'by web2']);
  assert.match(
    stderr,
    new RegExp(
      [
        "25.0% (1/4) of nodes failed to execute command #1: 'NAME': web1",
        '25.0% (1/4) of nodes were executing a command, which was ended, when the run was cancelled: web3',
        "25.0% (1/4) of nodes had not been sent command #1: 'NAME' when the run was cancelled: web4",
        '25.0% (1/4) success ratio (< 50.0% threshold) of nodes successfully executed all commands. Aborting.: web2',
        'END (ERROR) - Cookbook exec (exit_code=97): cancelled',
      ]
        .join('\n')
        .replaceAll(/[.()#]/g, '\\$&')
        .replaceAll('NAME', '.*') + '\n$',
    ),
  );
  const shown = await cli.run(['show', id]);
  assert.ok(shown.stdout.includes(stdout), shown.stdout);
});

test('Ctrl-C and abort end what runs; the reports of the commands before stay', async () => {
  const second = `echo begun; ${on('24', `exec sleep ${nap(2)}`)}`;
  const going = cli.start(['exec', '--force', '-m', 'sync', 'web[1-4]', 'echo one', second], { terminal: true });
  await until(() => running(nap(2)) === 2);
  going.type('\u0003');
  await going.until(/==> Ctrl-C: 'detach'[^]*> /);
  going.type('abort\r');
  const { code } = await going.ended;
  assert.equal(code, 98, going.output);
  assert.equal(running(nap(2)), 0);
  assert.equal(going.output.match(/===== NODE GROUP =====/g)?.length, 2, going.output);
  assert.match(going.output, /----- OUTPUT for command #2: [^]*begun\S*\s/);
  assert.match(going.output, /of nodes were executing a command, which was ended, .*web\[2,4\]/);
  assert.doesNotMatch(going.output, /had not been sent/);
});

test('what a single host says is shown while it says it, also past a killed worker, and once only', async () => {
  const command = `${note('live')}; echo one; ${untilThere('live-2')}; echo two; ${untilThere('live-3')}; echo three`;
  const going = cli.start(['exec', '--force', '-m', 'sync', 'web1', 'echo before', command]);
  await going.until(/^----- OUTPUT for command #2: .*\none$/m);
  worker.kill('SIGKILL');
  await worker.ended;
  writeFileSync(file('live-2'), '');
  worker = await cli.worker();
  await going.until(/^two$/m);
  writeFileSync(file('live-3'), '');
  const { code, stdout, stderr } = await going.ended;
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    stdout.split('\n').map((line) => line.replace(/'.*'/, 'NAME')),
    [
      ...['----- OUTPUT for command #1: NAME -----', 'before', '================'],
      ...['----- OUTPUT for command #2: NAME -----', 'one', 'two', 'three', '================', ''],
    ],
  );
  assert.deepEqual(counts('live'), [1, 0, 0, 0]);
});

test('a worker killed in the middle: the CLI goes on, each command runs once on each host, and the report is whole', async () => {
  const first = `${note('first')}; echo one`;
  const second = `${note('second')}; ${on('23', untilThere('killed'))}; echo two by \${HOME##*/}; ${on('4', 'exit 5')}`;
  const going = cli.start(['exec', '--force', '-m', 'sync', '-p', '75', 'web[1-4]', first, second, note('third')]);
  await until(() => counts('second').every((count) => count === 1));
  worker.kill('SIGKILL');
  await worker.ended;
  writeFileSync(file('killed'), '');
  worker = await cli.worker();
  const { code, stdout, stderr } = await going.ended;
  assert.equal(code, 1, stderr);
  for (const name of ['first', 'second']) assert.deepEqual(counts(name), [1, 1, 1, 1]);
  assert.deepEqual(counts('third'), [1, 1, 1, 0]);
  assert.match(stdout, /^\(4\) web\[1-4\]\n----- OUTPUT for command #1: .*\none$/m);
  for (const host of hosts)
    assert.match(stdout, new RegExp(`^\\(1\\) ${host}\n----- OUTPUT for command #2: .*\ntwo by ${host}$`, 'm'));
  assert.match(stderr, /^25\.0% \(1\/4\) of nodes failed to execute command #2: '.*': web4$/m);
  assert.match(stderr, /^75\.0% \(3\/4\) success ratio \(>= 75\.0% threshold\) of nodes successfully .*: web\[1-3\]$/m);
});

test('cancelled while no worker is at it, the hosts that were never sent a command are told apart from what is unknown', async () => {
  const command = `${note('nobody')}; exec sleep ${nap(3)}`;
  const going = cli.start(['exec', '--force', '-b', '1', 'web[1-4]', command]);
  const id = await runId(going);
  await until(() => running(nap(3)) === 1);
  worker.kill('SIGKILL');
  await worker.ended;
  await server.client.workflow.getHandle(id).cancel();
  worker = await cli.worker();
  const { code, stderr } = await going.ended;
  assert.equal(code, 98, stderr);
  assert.equal(running(nap(3)), 0);
  assert.deepEqual(counts('nobody'), [1, 0, 0, 0]);
  assert.match(
    stderr,
    /^25\.0% \(1\/4\) of nodes were executing a command, which was ended, .*: web1\n {2}web1: how far it/m,
  );
  assert.match(stderr, /^75\.0% \(3\/4\) of nodes had not been sent command #1: .*: web\[2-4\]$/m);
});
