import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { testCli } from '../../support/cookbook-cli.ts';
import { resultOf } from '../../support/world/engine.ts';
import { setStage, type Stage } from './world/stage.ts';

let stage: Stage;
before(async () => {
  stage = await setStage();
  await stage.worker();
});
after(() => stage.stop());
afterEach(() => stage.noLocksLeft(true));

const start = (id: string, args: Record<string, unknown>) =>
  stage.start(id, { max: 1, healthy: `${id} is healthy`, until: `${id}-go`, ...args }, {}, 'locks.out-of-service');
const slot = (group: string, id: string, host: string) => `/spicerack/locks/custom/group:${group}/${id}:${host}`;
const slots = async (group: string) =>
  (await stage.locks()).filter((key) => key.includes(`/locks/custom/group:${group}/`));
const entered = (id: string) => () => stage.effects().includes(`enter ${id}`);
const waits = (group: string, id: string, host: string) => async () =>
  (await stage.locks()).includes(`/spicerack/waiting/custom/group:${group}/${id}:${host}`);

test('of a group only so many hosts are out of service at a time, by all runs together', async () => {
  const [one, two] = [
    await start('a1', { group: 'a', host: 'h1', max: 2 }),
    await start('a2', { group: 'a', host: 'h2', max: 2 }),
  ];
  await stage.until(() => entered('a1')() && entered('a2')());
  assert.deepEqual(await slots('a'), [slot('a', 'a1', 'h1'), slot('a', 'a2', 'h2')]);
  assert.match(await stage.etcd.ctl('get', slot('a', 'a1', 'h1')), /"owner": "alice@laptop \[a1\] for h1", "ttl": 0/);
  const three = await start('a3', { group: 'a', host: 'h3', max: 2 });
  await stage.until(waits('a', 'a3', 'h3'));
  stage.let('a2-go');
  assert.equal((await resultOf(two)).exitCode, 0);
  await stage.until(entered('a3'));
  assert.deepEqual(await slots('a'), [slot('a', 'a1', 'h1'), slot('a', 'a3', 'h3')]);
  stage.let('a1-go');
  stage.let('a3-go');
  for (const run of [one, three]) assert.equal((await resultOf(run)).exitCode, 0);
});

test('a run that fails gives the slot back when its undo has made the host healthy', async () => {
  const run = await start('b1', { group: 'b', host: 'h1', fails: true, repaired: true });
  stage.let('b1-go');
  const result = await resultOf(run);
  assert.deepEqual([result.exitCode, result.notUndone], [99, undefined]);
  assert.deepEqual(await slots('b'), []);
});

test('without a proof of health the slot stays taken until a person says otherwise', { timeout: 90_000 }, async () => {
  const run = await start('c1', { group: 'c', host: 'h1', fails: true });
  stage.let('c1-go');
  const result = await resultOf(run);
  assert.equal(result.exitCode, 93);
  assert.deepEqual(result.notUndone, ['take h1 of c out of service: h1 is not healthy']);
  assert.deepEqual(await slots('c'), [slot('c', 'c1', 'h1')]);
  const next = await start('c2', { group: 'c', host: 'h2' });
  await stage.until(waits('c', 'c2', 'h2'));
  await stage.etcd.ctl('del', slot('c', 'c1', 'h1'));
  stage.let('c2-go');
  assert.equal((await resultOf(next)).exitCode, 0);
});

test('a run that is terminated leaves its slot taken', { timeout: 90_000 }, async () => {
  const run = await start('d1', { group: 'd', host: 'h1' });
  await stage.until(entered('d1'));
  await run.terminate('for a test');
  const next = await start('d2', { group: 'd', host: 'h2' });
  await stage.until(waits('d', 'd2', 'h2'));
  // The lock of the whole run ends with its lease, the slot does not.
  await stage.until(async () => !(await stage.locks()).some((key) => key.endsWith('/d1')));
  assert.deepEqual(await slots('d'), [slot('d', 'd1', 'h1')]);
  await stage.etcd.ctl('del', slot('d', 'd1', 'h1'));
  stage.let('d2-go');
  assert.equal((await resultOf(next)).exitCode, 0);
});

test('a run whose slot a person takes away is told at once', async () => {
  const run = await start('h1', { group: 'h', host: 'n1' });
  await stage.until(entered('h1'));
  const cli = testCli(JSON.stringify({ ...stage.config, state_dir: 'DIRECTORY/state' }));
  try {
    const broken = await cli.run(['locks', 'break', 'custom/group:h', '--reason', 'wrong host', '--force'], 'bob');
    assert.equal(broken.code, 0, broken.stderr);
  } finally {
    await cli.stop();
  }
  assert.deepEqual(await slots('h'), []);
  const told =
    /^lost the lock \/spicerack\/locks\/custom\/group:h\/h1:n1: broken by bob@\S+ \[break-lock\/\S+\]: wrong host$/;
  await stage.until(async () => ((await stage.status(run)).told ?? []).length > 0);
  assert.match((await stage.status(run)).told?.join('\n') ?? '', told);
  stage.let('h1-go');
  assert.equal((await resultOf(run)).exitCode, 0);
  assert.match(stage.log('locks/out-of-service.log'), /\[WARNING\] h1: lost the lock .*group:h\/h1:n1: broken by bob@/);
});

test('a host that is taken out of service twice by a run is given back twice', async () => {
  const run = await start('g1', { group: 'g', host: 'h1', twice: true });
  stage.let('g1-go');
  await stage.until(async () => (await stage.status(run)).steps.some(({ name }) => name === 'wait for the end'));
  assert.deepEqual(await slots('g'), []);
  stage.let('g1-end');
  assert.equal((await resultOf(run)).exitCode, 0);
});

test('a run cancelled while it waits for a slot leaves nothing', async () => {
  const one = await start('e1', { group: 'e', host: 'h1' });
  await stage.until(entered('e1'));
  const two = await start('e2', { group: 'e', host: 'h2' });
  await stage.until(waits('e', 'e2', 'h2'));
  await two.cancel();
  assert.equal((await resultOf(two)).exitCode, 97);
  assert.deepEqual(await slots('e'), [slot('e', 'e1', 'h1')]);
  stage.let('e1-go');
  assert.equal((await resultOf(one)).exitCode, 0);
});

test('a budget of no host is refused', async () => {
  const result = await resultOf(await start('f1', { group: 'f', host: 'h1', max: 0 }));
  assert.match(result.error ?? '', /max of group 'f' is 0: give a whole number from 1/);
});
