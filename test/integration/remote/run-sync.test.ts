import { WorkflowClient } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, mock, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { remote as activities } from '../../../activities/remote.ts';
import { type RunInput, type RunStatusReport, contextHeader, names } from '../../../src/model/run.ts';
import { Remote } from '../../../src/remote/remote.ts';
import type { SliceInput } from '../../../src/remote/slice.ts';
import { effectsOf, temporalActivities } from '../../../src/worker/activities.ts';
import { workflowBundle } from '../../../src/worker/bundle.ts';
import type { Deps } from '../../../src/worker/deps.ts';
import { workerOptions } from '../../../src/worker/main.ts';
import { nap } from '../../support/nap.ts';
import { startSshLab, type SshLab } from '../../support/sshd.ts';
import { startTemporal, type TemporalServer } from '../../support/temporal.ts';
import { operator, resultOf } from '../../support/world/engine.ts';

/** Cookbooks as an operator would write them. */
const cookbooks = {
  groups: `
    const hosts = await spicerack.remote().query('web[1-4]');
    const results = await spicerack.step('look', { read: () => hosts.runSync({ commands: [
      'test $HOME = \${HOME%[12]} && echo high || echo low', 'true', 'echo all' ], isSafe: true, timeout: '20s' }) });
    const [first, second] = hosts.split(2);
    await spicerack.step('write', { write: () => hosts.getSubset(['web2', 'web4']).runSync('echo $HOME >>' + args.file), undo: 'impossible' });
    spicerack.report({ said: [...results].map(([some, output]) => [String(some), output]), of: results.output('web3'),
      split: [String(first), String(second), hosts.length], uptime: (await first.uptime()).every(([some, seconds]) => some.length >= 1 && seconds > 0) });`,
  fails: `
    const hosts = await spicerack.remote().query('web[1-4]');
    await spicerack.step('write', { write: () => hosts.runSync('echo x >>' + args.file + '; test $HOME = \${HOME%[23]} || { echo bad; exit 3; }', 'echo y >>' + args.file), undo: 'impossible' });`,
  cancelled: `
    const hosts = await spicerack.remote().query('web2');
    await spicerack.step('write', { write: () => hosts.runSync('echo x >>' + args.file + '; exec sleep ${nap(1)}'), undo: 'impossible' });`,
  late: `
    const hosts = await spicerack.remote().query('web[1-2]');
    await spicerack.askInput('now?');
    const commands = ['echo x >>' + args.file];
    await spicerack.step('write', { write: () => hosts.runSync({ commands, globalTimeout: '3s' }), undo: 'impossible' });`,
};

let lab: SshLab;
let remote: Remote;
let temporal: TemporalServer;
let connection: NativeConnection;
let codePath: string;
let worker: Worker;
let running: Promise<void>;
const begin = async (options: Pick<WorkerOptions, 'activities'> = {}) => {
  worker = await Worker.create({
    ...workerOptions(activities, { config: lab.config, remote } as Deps),
    shutdownGraceTime: 100,
    ...options,
    connection,
    taskQueue: 'remote',
    workflowBundle: { codePath },
  });
  running = worker.run();
};
const end = async () => {
  worker.shutdown();
  await running;
};

before(async () => {
  [lab, temporal] = await Promise.all([startSshLab(['web1', 'web2', 'web3', 'web4']), startTemporal()]);
  remote = new Remote(lab.config);
  mkdirSync(join(lab.dir, 'cookbooks/remote'), { recursive: true });
  for (const [name, body] of Object.entries(cookbooks))
    writeFileSync(
      join(lab.dir, 'cookbooks/remote', `${name}.ts`),
      `import type { Args, Spicerack } from 'sumac';
       export const title = 'test';
       export async function run(args: Args, spicerack: Spicerack) {${body}}`,
    );
  const bundle = await workflowBundle(lab.config, effectsOf(activities));
  assert.deepEqual(bundle.problems, []);
  ({ codePath } = bundle);
  connection = await NativeConnection.connect({ address: temporal.address });
  await begin();
});
after(async () => {
  await end();
  await connection.close();
  await temporal.stop();
  await remote.close();
  await lab.close();
});

const start = (cookbook: keyof typeof cookbooks, args: Record<string, unknown>) => {
  const header = { [contextHeader]: defaultPayloadConverter.toPayload(operator) };
  const client = new WorkflowClient({
    connection: temporal.client.connection,
    interceptors: [{ startWithDetails: (given, next) => next({ ...given, headers: { ...given.headers, ...header } }) }],
  });
  const input: RunInput = { argv: [], args };
  return client.start(`remote.${cookbook}`, { taskQueue: 'remote', workflowId: `remote.${cookbook}`, args: [input] });
};
const file = (name: string) => join(lab.dir, name);
const lines = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8').trim().split('\n') : []);

test('a cookbook gets the outputs by groups and by host', async () => {
  const result = await resultOf(await start('groups', { file: file('groups') }));
  assert.equal(result.error, undefined);
  assert.deepEqual(result.report, {
    said: [
      ['web[1-2]', 'low\n'],
      ['web[3-4]', 'high\n'],
      ['web[1-4]', 'all\n'],
    ],
    of: 'all',
    split: ['web[1-2]', 'web[3-4]', 4],
    uptime: true,
  });
  assert.deepEqual(lines('groups').sort(), [join(lab.dir, 'web2'), join(lab.dir, 'web4')]);
});

test('a command that fails on some hosts fails the step, and names them, the exit status and what was said', async () => {
  const result = await resultOf(await start('fails', { file: file('fails') }));
  assert.match(result.error ?? '', /^'echo x .*' failed on 2 of 4 hosts: web\[2-3\]: exit status 3: bad$/);
  assert.deepEqual(lines('fails'), ['x', 'x', 'x', 'x']);
});

const until = async (what: () => boolean | Promise<boolean>) => {
  for (let i = 0; !(await what()); i++) {
    assert.ok(i < 600, 'did not come');
    await sleep(50);
  }
};
const runs = () =>
  execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .split('\n')
    .includes(`sleep ${nap(1)}`);

for (const clock of ['right', 'an hour slow'])
  test(`time in which no worker takes the commands counts for a time-out of all of them, by a clock that is ${clock}`, async () => {
    const out = file(`late-${clock}`);
    const handle = await start('late', { file: out });
    const asked = async () => (await handle.query<RunStatusReport>(names.status)).prompts[0];
    await until(async () => (await asked()) !== undefined);
    await end();
    // A worker that only decides.
    await begin({ activities: {} });
    const answer = { value: 'yes', by: 'bob', prompt: (await asked())?.id };
    await handle.executeUpdate(names.answer, { args: [answer] });
    const pending = async () => (await handle.describe()).raw.pendingActivities?.map((one) => one.activityType?.name);
    await until(async () => (await pending())?.includes('remote.runSync') === true);
    await sleep(3100);
    await end();
    if (clock !== 'right') mock.timers.enable({ apis: ['Date'], now: Date.now() - 3_600_000 });
    try {
      await begin();
      assert.equal((await resultOf(handle)).error, 'the global time-out passed; web[1-2] not contacted');
    } finally {
      mock.timers.reset();
    }
    assert.ok(!existsSync(out));
  });

test('a run that is cancelled between two attempts ends its command on the host all the same', async () => {
  const handle = await start('cancelled', { file: file('cancelled') });
  await until(runs);
  await end();
  await handle.cancel();
  const pending = async () => (await handle.describe()).raw.pendingActivities?.map((one) => one.activityType?.name);
  // A worker that only decides: nobody is at the activity when it is cancelled.
  await begin({ activities: {} });
  await until(async () => (await pending())?.includes('remote.endCommands') === true);
  assert.ok(runs());
  await end();
  await begin();
  assert.equal((await resultOf(handle)).exitCode, 97);
  assert.ok(!runs());
  assert.deepEqual(lines('cancelled'), ['x']);
});

test('a run that is cancelled before it is noticed that its worker died ends its command on the host all the same', async () => {
  await end();
  // As after kill -9: the command goes on, and nobody beats or hears of the cancellation.
  const dead = async ({ commands, id = '' }: SliceInput) => {
    const token = `${activityInfo().workflowExecution?.workflowId ?? ''} ${id}`;
    const gone = new Promise((resolve) => cancellationSignal().addEventListener('abort', resolve, { once: true }));
    remote.runOnce('web2', commands[0]?.command ?? '', { token }).catch(() => undefined);
    await gone;
  };
  await begin({
    activities: { ...temporalActivities(activities, { config: lab.config, remote } as Deps), 'remote.runSync': dead },
  });
  const handle = await start('cancelled', { file: file('unnoticed') });
  await until(runs);
  await handle.cancel();
  assert.equal((await resultOf(handle)).exitCode, 97);
  assert.ok(!runs());
  assert.deepEqual(lines('unnoticed'), ['x']);
});
