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
  const automatic = '/spicerack/locks/cookbooks/locks.troubled:b';
  await stage.etcd.ctl('del', `${automatic}/b`);
  await stage.etcd.ctl('put', `${automatic}/somebody`, '{}');
  await stage.answer(run, 'take it again and roll back');
  const result = await resultOf(run);
  assert.equal(result.exitCode, 93);
  const named = (result.notUndone ?? []).map((what) => what.replace(/: Unable to acquire lock[^]*/, ''));
  assert.deepEqual(named, ['second', 'first', 'rollback of locks.troubled']);
  await stage.etcd.ctl('del', `${automatic}/somebody`);
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

test('a lock is kept until a child run beside the part that failed has undone what it did', async () => {
  const run = await start('e', { parts: 'child' });
  await stage.until(() => stage.effects().some((effect) => /^enter e\//.test(effect)));
  stage.let('e-go');
  stage.let('e-undo');
  const result = await resultOf(run);
  assert.deepEqual([result.exitCode, result.notUndone], [99, undefined]);
  const order = stage.effects().filter((effect) => / e(\/|$)/.test(effect));
  assert.deepEqual(
    order.map((effect) => effect.replace(/e\/.*/, 'child')),
    ['first e', 'second e', 'enter child', 'undo child', 'undo second e', 'undo first e', 'rollback e'],
  );
});

test('a step that nobody waits for fails by itself', async () => {
  const run = await start('f', { parts: 'alone' });
  stage.let('f-go');
  stage.let('f-undo');
  assert.equal((await resultOf(run)).exitCode, 99);
});

test('a lock kept for the undo is free again once that is done', async () => {
  const one = await stage.start('u1', { first: 'v', second: 'w', until: 'u1-go' }, {}, 'locks.apart');
  await stage.until(done('second u1'));
  const two = await stage.start('u2', { first: 'v', second: 'w', until: 'never' }, {}, 'locks.crossing');
  await stage.until(done('enter u2'));
  stage.let('never');
  await stage.until(async () => (await stage.locks()).includes('/spicerack/waiting/custom/w/u2'));
  stage.let('u1-go');
  const [first, second] = [await resultOf(one), await resultOf(two)];
  assert.deepEqual([first.exitCode, first.notUndone], [99, undefined]);
  assert.equal(second.exitCode, 0, second.error);
});
