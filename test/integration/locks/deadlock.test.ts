import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { resultOf } from '../../support/world/engine.ts';
import { setStage, type Stage } from './world/stage.ts';

let stage: Stage;
before(async () => {
  stage = await setStage();
  await stage.worker();
});
after(() => stage.stop());
afterEach(() => stage.noLocksLeft());

const crossing = (id: string, first: string, second: string) =>
  stage.start(id, { first, second, until: `${id}-go` }, {}, 'locks.crossing');
const entered = (id: string) => () => stage.effects().includes(`enter ${id}`);
const waits = (key: string) => async () => (await stage.locks()).includes(`/spicerack/waiting/${key}`);

test('of two runs that take the same locks in opposite order the last fails at once, is undone, and the first goes on', async () => {
  const one = await crossing('one', 'a', 'b');
  const two = await crossing('two', 'b', 'a');
  await stage.until(() => entered('one')() && entered('two')());
  stage.let('one-go');
  await stage.until(waits('custom/b/one'));
  stage.let('two-go');
  const failed = await resultOf(two);
  assert.equal(failed.exitCode, 99);
  assert.match(
    failed.error ?? '',
    /for each other for ever, so who came last gives up:\n {4}\S+ \S+: alice@laptop \[two\] waits for \/spicerack\/locks\/custom\/a\n {4}\S+ \S+: alice@laptop \[one\] waits for \/spicerack\/locks\/custom\/b\n/,
  );
  assert.equal((await resultOf(one)).exitCode, 0);
  const effects = stage.effects().filter((effect) => /(one|two)$/.test(effect));
  assert.deepEqual(effects.slice(2), ['undo two', 'both one']);
});

test('three in a circle', async () => {
  const runs = [await crossing('x', 'k', 'l'), await crossing('y', 'l', 'm'), await crossing('z', 'm', 'k')];
  await stage.until(() => ['x', 'y', 'z'].every((id) => entered(id)()));
  for (const [id, wanted] of [
    ['x', 'l'],
    ['y', 'm'],
  ] as const) {
    stage.let(`${id}-go`);
    await stage.until(waits(`custom/${wanted}/${id}`));
  }
  stage.let('z-go');
  const [x, y, z] = await Promise.all(runs.map(resultOf));
  assert.deepEqual([x?.exitCode, y?.exitCode, z?.exitCode], [0, 0, 99]);
  assert.match(z?.error ?? '', /\[z\] waits for .*\/k\n.*\[x\] waits for .*\/l\n.*\[y\] waits for .*\/m\n/);
});

test('a slot of a group and a lock', async () => {
  const one = await crossing('g1', 'group:g', 'c');
  const two = await crossing('g2', 'c', 'group:g');
  await stage.until(() => entered('g1')() && entered('g2')());
  stage.let('g2-go');
  await stage.until(waits('custom/group:g/g2:h'));
  stage.let('g1-go');
  const failed = await resultOf(one);
  assert.equal(failed.exitCode, 99);
  assert.match(failed.error ?? '', /\[g1\] waits for .*\/custom\/c\n.*\[g2\] for h waits for .*\/custom\/group:g\n/);
  assert.equal((await resultOf(two)).exitCode, 0);
});

test('a child run waits under the locks of who started it', async () => {
  const one = await crossing('p1', 'd', 'cookbook:s');
  await stage.until(entered('p1'));
  const two = await stage.start('p2', { suffix: 's', lock: 'd', until: 'p2-go' });
  await stage.until(waits('custom/d/p2'));
  stage.let('p1-go');
  const failed = await resultOf(one);
  assert.equal(failed.exitCode, 99);
  assert.match(
    failed.error ?? '',
    /waits for \/spicerack\/locks\/cookbooks\/locks\.guarded:s\n.*\[p2\] waits for .*\/d\n/,
  );
  stage.let('p2-go');
  assert.equal((await resultOf(two)).exitCode, 0);
});
