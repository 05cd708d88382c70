import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Engine, resultOf } from '../../support/world/engine.ts';

let engine: Engine;
before(async () => {
  engine = await Engine.start();
});
after(() => engine.stop());

const undone = ['undo third', 'undo second', 'undo kept', 'undo first 1'];

test('a good run does every effect once, announces itself and cleans up what is guaranteed', () =>
  engine.withWorker(async (scene) => {
    scene.hold('ready');
    const result = await scene.run('world.three-steps', { what: 'db1' });
    assert.equal(result.exitCode, 0);
    assert.deepEqual(scene.effects, ['first', 'kept', 'second', 'third', 'undo kept']);
    const id = `world.three-steps/${scene.queue}`;
    assert.deepEqual(scene.announced, [
      `START - Cookbook world.three-steps on db1 [${id}]`,
      `END (PASS) - Cookbook world.three-steps (exit_code=0) on db1 [${id}]`,
    ]);
  }));

test('a settled step is undone once, where the procedure says so', () =>
  engine.withWorker(async (scene) => {
    scene.hold('ready');
    await scene.run('world.three-steps', { settle: true });
    assert.deepEqual(scene.effects, ['first', 'kept', 'second', 'third', 'undo kept']);
  }));

test('a failing step undoes everything in reverse order, itself first without a result', () =>
  engine.withWorker(async (scene) => {
    scene.hold('ready');
    scene.script({ third: 'fail' });
    const result = await scene.run('world.three-steps');
    assert.equal(result.exitCode, 99);
    assert.equal(result.status, 'FAIL');
    assert.match(result.error ?? '', /third was told to fail/);
    assert.deepEqual(scene.effects, ['first', 'kept', 'second', ...undone, 'own rollback']);
    assert.match(scene.announced[1] ?? '', /^END \(FAIL\) - Cookbook world.three-steps \(exit_code=99\)/);
  }));

test('a returned code undoes too, and is the exit code', () =>
  engine.withWorker(async (scene) => {
    scene.hold('ready');
    const result = await scene.run('world.three-steps', { code: 7 });
    assert.equal(result.exitCode, 7);
    assert.deepEqual(scene.effects.slice(-5), [...undone, 'own rollback']);
  }));

test('a reserved exit code is the cookbook’s mistake and is reported as such', () =>
  engine.withWorker(async (scene) => {
    scene.hold('ready');
    const result = await scene.run('world.three-steps', { code: 95 });
    assert.equal(result.exitCode, 99);
    assert.match(result.error ?? '', /returned 95/);
  }));

test('what cannot be undone is listed, the rest is undone, and the run ends with 93', { timeout: 60_000 }, () =>
  engine.withWorker(async (scene) => {
    scene.script({ third: 'fail', 'undo second': 'fail' });
    scene.hold('ready');
    const result = await scene.run('world.three-steps');
    assert.equal(result.exitCode, 93);
    assert.deepEqual(result.notUndone, ['second: undo second was told to fail']);
    assert.deepEqual(scene.effects, [
      'first',
      'kept',
      'second',
      'undo third',
      'undo kept',
      'undo first 1',
      'own rollback',
    ]);
  }),
);

test('a one-shot that lost its answer is done once: the probe tells', () =>
  engine.withWorker(async (scene) => {
    scene.hold('ready');
    scene.script({ second: 'lost' });
    assert.equal((await scene.run('world.three-steps')).exitCode, 0);
    assert.deepEqual(scene.effects, ['first', 'kept', 'second', 'third', 'undo kept']);
  }));

test('an effect that never takes place is asked about after three tries, and rolling back is still possible', () =>
  engine.withWorker(async (scene) => {
    scene.hold('ready');
    scene.script({ 'fire second': 'unknown' });
    const handle = await scene.start('world.three-steps', { noReturn: true, fire: 'fire second' });
    assert.match(await scene.answer(handle, 'roll back'), /nobody knows whether 'second' took place/);
    const result = await resultOf(handle);
    assert.equal(result.exitCode, 99);
    assert.deepEqual(scene.effects, ['first', 'kept', 'undo kept', 'undo first 1', 'own rollback']);
    const { events } = await handle.fetchHistory();
    const tries = events?.filter(
      ({ activityTaskScheduledEventAttributes: it }) => it?.activityType?.name === 'world.fire',
    );
    assert.equal(tries?.length, 3);
  }));

test('a person is asked when neither the effect nor its probe knows what happened', () =>
  engine.withWorker(async (scene) => {
    scene.hold('ready');
    scene.script({ second: 'unknown' });
    const again = await scene.start('world.three-steps', {});
    assert.match(await scene.answer(again, 'again'), /nobody knows whether 'second' took place: second does not know/);
    scene.script({});
    if ((await again.query<{ prompts: unknown[] }>('status')).prompts.length > 0) await scene.answer(again, 'again');
    assert.equal((await resultOf(again)).exitCode, 0);
    assert.deepEqual(scene.effects, ['first', 'kept', 'second', 'third', 'undo kept']);
  }));

test('a person who says it is done is believed, and its undo runs without a result', () =>
  engine.withWorker(async (scene) => {
    scene.hold('ready');
    scene.script({ second: 'unknown', third: 'fail' });
    const handle = await scene.start('world.three-steps', {});
    await scene.answer(handle, 'done');
    assert.equal((await resultOf(handle)).exitCode, 99);
    assert.deepEqual(scene.effects, ['first', 'kept', ...undone, 'own rollback']);
  }));

test('after a point of no return a failure parks the run: retry goes on', () =>
  engine.withWorker(async (scene) => {
    scene.hold('ready');
    scene.script({ third: 'fail' });
    const handle = await scene.start('world.three-steps', { noReturn: true });
    const asked = scene.answer(handle, 'retry');
    assert.match(await asked, /step 'third' failed: third was told to fail/);
    scene.script({});
    // It may have failed once more before the world was mended.
    const again = scene.until(
      async () =>
        (await handle.describe()).status.name !== 'RUNNING' ||
        (await handle.query<{ prompts: unknown[] }>('status')).prompts.length > 0,
    );
    await again;
    if ((await handle.describe()).status.name === 'RUNNING') await scene.answer(handle, 'retry');
    assert.equal((await resultOf(handle)).exitCode, 0);
    assert.deepEqual(scene.effects, ['first', 'kept', 'second', 'third', 'undo kept']);
  }));

test('past the point of no return roll back undoes only what came after it and what is guaranteed', () =>
  engine.withWorker(async (scene) => {
    scene.hold('ready');
    scene.script({ third: 'fail' });
    const handle = await scene.start('world.three-steps', { noReturn: true });
    await scene.answer(handle, 'roll back');
    const result = await resultOf(handle);
    assert.equal(result.exitCode, 99);
    assert.match(result.error ?? '', /past the point of no return 'second'/);
    assert.deepEqual(scene.effects, ['first', 'kept', 'second', 'undo third', 'undo kept', 'own rollback']);
  }));

test('on hold, skip leaves the step out and leave undoes only what is guaranteed', () =>
  engine.withWorker(async (scene) => {
    scene.hold('ready');
    scene.script({ second: 'fail', third: 'fail' });
    const handle = await scene.start('world.three-steps', {}, { onFailure: 'hold' });
    await scene.answer(handle, 'skip');
    await scene.answer(handle, 'leave');
    assert.equal((await resultOf(handle)).exitCode, 99);
    assert.deepEqual(scene.effects, ['first', 'kept', 'undo kept']);
  }));

test('an answer that is none of the choices is refused and changes nothing', () =>
  engine.withWorker(async (scene) => {
    const handle = await scene.start('world.ask', { name: 'x' });
    await assert.rejects(scene.answer(handle, 'perhaps'), (error: Error) =>
      /choose one of go, abort/.test(String(error.cause)),
    );
    await scene.answer(handle, 'abort');
    const result = await resultOf(handle);
    assert.equal(result.exitCode, 99);
    assert.match(result.error ?? '', /aborted at: really\?/);
  }));

test('prompts, confirmOnFailure, a child run and a report work together', () =>
  engine.withWorker(async (scene) => {
    scene.script({ 'paint blue': 'fail' });
    const handle = await scene.start('world.ask', { name: 'x' });
    await scene.answer(handle, 'go');
    await scene.answer(handle, 'blue');
    await scene.answer(handle, 'skip');
    const result = await resultOf(handle);
    assert.deepEqual(result.report, { colour: 'blue', skipped: true });
  }));

test('cancelling in a check rolls back and the run is cancelled', () =>
  engine.withWorker(async (scene) => {
    const handle = await scene.start('world.three-steps', { within: '5m' });
    await scene.until(() => scene.effects.includes('second'));
    await handle.cancel();
    const result = await resultOf(handle);
    assert.equal(result.exitCode, 97);
    assert.equal((await handle.describe()).status.name, 'CANCELLED');
    assert.deepEqual(scene.effects.slice(-4), ['undo second', 'undo kept', 'undo first 1', 'own rollback']);
    assert.match(scene.announced[1] ?? '', /^END \(ERROR\) - Cookbook world.three-steps \(exit_code=97\)/);
  }));

test('a check that never holds fails with its last reason', () =>
  engine.withWorker(async (scene) => {
    const result = await scene.run('world.three-steps', { within: '500ms' });
    assert.equal(result.exitCode, 99);
    assert.match(result.error ?? '', /ready does not hold so far/);
  }));

test('a dry run reads, changes nothing and prints the plan in order', () =>
  engine.withWorker(async (scene) => {
    const result = await scene.run('world.three-steps', { noReturn: true }, { dryRun: true });
    assert.equal(result.exitCode, 0);
    assert.deepEqual(scene.effects, []);
    assert.deepEqual(scene.announced, []);
    assert.deepEqual(result.plan, [
      'first',
      'kept',
      'second (no way back)',
      'wait until: holds (not yet: ready does not hold so far)',
      'third',
    ]);
  }));

test('a run without our context changes nothing', () =>
  engine.withWorker(async (scene) => {
    scene.hold('ready');
    const handle = await scene.temporal.client.workflow.start('world.three-steps', {
      taskQueue: scene.queue,
      workflowId: `by-hand-${scene.queue}`,
      args: [{ argv: [], args: {} }],
    });
    await resultOf(handle);
    assert.deepEqual(scene.effects, []);
  }));

test('both classes of a module run by their own names, an effect outside of a step is refused', () =>
  engine.withWorker(async (scene) => {
    const outside = await scene.run('world.classes.Outside', { name: 'x' });
    assert.match(outside.error ?? '', /world.set changes something: call it in the write of a step/);
    assert.match(scene.announced[0] ?? '', /^DONE \(FAIL\) - Cookbook world.classes.Outside \(exit_code=99\) for x/);
    const inside = await scene.run('world.classes.Inside', { name: 'y' });
    assert.equal(inside.exitCode, 0);
    assert.deepEqual(scene.effects, ['hello y']);
  }));

test('an unknown cookbook and one that throws while loading end their runs at once', () =>
  engine.withWorker(async (scene) => {
    const unknown = await scene.run('world.three-step');
    assert.equal(unknown.exitCode, 98);
    assert.match(unknown.error ?? '', /Unable to find cookbook world.three-step; near: world.three-steps/);
    const broken = await scene.run('world.throws-while-loading');
    assert.equal(broken.exitCode, 98);
    assert.match(engine.bundle.problems.join(), /throws-while-loading\.ts:3/);
  }));
