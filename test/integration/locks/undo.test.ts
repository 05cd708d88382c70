import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { resultOf } from '../../support/world/engine.ts';
import { setStage, type Stage } from './world/stage.ts';

let stage: Stage;
before(async () => {
  stage = await setStage({ wait_seconds: 3 });
  await stage.worker();
});
after(() => stage.stop());

const start = (id: string, args: Record<string, unknown> = {}) => stage.start(id, args, {}, 'locks.troubled');
const did = (id: string) => stage.effects().filter((effect) => effect.endsWith(` ${id}`));
const done = (effect: string) => () => stage.effects().includes(effect);

test('a lock that is lost in the middle of an undo is taken again for the rest of it', async () => {
  const run = await start('a');
  stage.let('a-go');
  await stage.until(async () => (await stage.status(run)).phase === 'rolling back');
  await stage.etcd.ctl('del', '/spicerack/locks/custom/lock-a/a');
  stage.let('a-undo');
  const result = await resultOf(run);
  assert.deepEqual([result.exitCode, result.notUndone], [99, undefined]);
  assert.deepEqual(did('a'), ['first a', 'second a', 'undo second a', 'undo first a', 'rollback a']);
});

test('when the lock of the run cannot be had again, its own rollback is named as not done, too', async () => {
  const run = await start('b');
  await stage.until(done('second b'));
  await stage.etcd.ctl('del', '/spicerack/locks/cookbooks/locks.troubled:b/b');
  const other = await stage.start('b2', { suffix: 'b' }, {}, 'locks.troubled');
  await stage.until(async () => (await stage.locks()).includes('/spicerack/locks/cookbooks/locks.troubled:b/b2'));
  await stage.answer(run, 'take it again and roll back');
  const result = await resultOf(run);
  assert.equal(result.exitCode, 93);
  const named = (result.notUndone ?? []).map((what) => what.replace(/: Unable to acquire lock[^]*/, ''));
  assert.deepEqual(named, ['second', 'first', 'rollback of locks.troubled']);
  await other.cancel();
  stage.let('b-undo');
  await resultOf(other).catch(() => undefined);
});

test('when one part of what goes on under a lock fails, the other goes on with nothing', async () => {
  const run = await start('c', { parts: true });
  await stage.until(done('second c'));
  stage.let('c-go');
  await stage.until(async () => (await stage.status(run)).phase === 'rolling back');
  stage.let('c-other');
  await sleep(1000);
  stage.let('c-undo');
  assert.equal((await resultOf(run)).exitCode, 99);
  assert.deepEqual(did('c'), ['first c', 'second c', 'undo second c', 'undo first c', 'rollback c']);
});

test('a child run works under the lock that its parent keeps for the undo', async () => {
  const run = await start('d', { child: true });
  stage.let('d-go');
  stage.let('lock-d');
  assert.equal((await resultOf(run)).exitCode, 0);
  assert.ok(
    stage.effects().some((effect) => /^leave d\//.test(effect)),
    String(stage.effects()),
  );
});
