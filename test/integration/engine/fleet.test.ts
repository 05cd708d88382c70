import type { WorkflowHandle } from '@temporalio/client';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { names, type RunStatusReport } from '../../../src/model/run.ts';
import { Engine, resultOf } from '../../support/world/engine.ts';

let engine: Engine;
before(async () => {
  engine = await Engine.start();
});
after(() => engine.stop());

const hosts = (count: number) => Array.from({ length: count }, (_, i) => `h${i + 1}`);
const touched = (effects: string[]) =>
  effects.filter((effect) => effect.startsWith('touch ')).map((effect) => effect.slice(6));

const statesOf = async (handle: WorkflowHandle) =>
  (await handle.query<RunStatusReport>(names.status)).fleet?.hosts.map(({ state }) => state).join(' ');

test('every host is run once, the canary first and alone', () =>
  engine.withWorker(async (scene) => {
    const result = await scene.run('world.fleet', {
      hosts: hosts(5),
      options: { width: 3, canaries: 1, bake: '200ms', pauseBetween: '50ms' },
    });
    assert.equal(result.exitCode, 0);
    assert.deepEqual(
      result.report,
      hosts(5).map((host) => `${host} done`),
    );
    assert.equal(touched(scene.effects)[0], 'h1');
    assert.deepEqual(touched(scene.effects).sort(), hosts(5));
  }));

test('a canary that fails keeps the rest from starting', () =>
  engine.withWorker(async (scene) => {
    scene.script({ 'touch h1': 'fail' });
    const result = await scene.run('world.fleet', {
      hosts: hosts(4),
      options: { width: 2, canaries: 1, maxFailed: 3 },
    });
    assert.equal(result.exitCode, 99);
    assert.match(result.error ?? '', /a canary failed: 0 done, 1 failed \(h1\), 0 cancelled, 0 skipped, 3 not started/);
    assert.deepEqual(touched(scene.effects), []);
    assert.ok(scene.effects.includes('undo before'));
  }));

test('the failure budget ends the fleet and its report names who failed', () =>
  engine.withWorker(async (scene) => {
    scene.script({ 'touch h2': 'fail', 'touch h3': 'fail' });
    const result = await scene.run('world.fleet', { hosts: hosts(6), options: { width: 1, maxFailed: 1 } });
    assert.match(
      result.error ?? '',
      /more than 1 hosts failed: 1 done, 2 failed \(h2, h3\), 0 cancelled, 0 skipped, 3 not started/,
    );
  }));

test('within the budget the fleet goes on and tells each state', () =>
  engine.withWorker(async (scene) => {
    scene.script({ 'touch h2': 'fail' });
    const result = await scene.run('world.fleet', { hosts: hosts(3), options: { width: 1, maxFailed: 1 } });
    assert.deepEqual(result.report, ['h1 done', 'h2 failed', 'h3 done']);
  }));

test('on hold the spent budget is put before a person, who lets the fleet go on', () =>
  engine.withWorker(async (scene) => {
    scene.script({ 'touch h1': 'fail' });
    const handle = await scene.start('world.fleet', { hosts: hosts(2), options: { width: 1 } }, { onFailure: 'hold' });
    const child = await scene.until(
      async () =>
        (
          await scene.temporal.client.workflow
            .getHandle(`world.fleet/${scene.queue}/h1`)
            .query<RunStatusReport>(names.status)
            .catch(() => undefined)
        )?.prompts.length,
    );
    assert.equal(child, 1);
    const parked = await scene.until(async () =>
      (await handle.query<RunStatusReport>(names.status)).fleet?.hosts.find(({ state }) => state === 'parked'),
    );
    assert.equal(parked.host, 'h1');
    await scene.answer(scene.temporal.client.workflow.getHandle(`world.fleet/${scene.queue}/h1`), 'leave');
    assert.match(await scene.answer(handle, 'continue'), /more than 0 hosts failed/);
    assert.deepEqual((await resultOf(handle)).report, ['h1 failed', 'h2 done']);
  }));

test('pause, skip, width and resume steer a running fleet', () =>
  engine.withWorker(async (scene) => {
    scene.script({ 'touch h1': 'hang' });
    const handle = await scene.start('world.fleet', { hosts: hosts(4), options: { width: 1 } });
    const states = () => statesOf(handle);
    await scene.until(async () => (await states())?.startsWith('running'));
    await handle.signal(names.pause);
    await handle.signal(names.skip, 'h3');
    await handle.signal(names.width, 3);
    assert.equal(await states(), 'running pending skipped pending');
    await handle.signal(names.resume);
    await scene.until(async () => (await states()) === 'running done skipped done');
    await scene.temporal.client.workflow.getHandle(`world.fleet/${scene.queue}/h1`).cancel();
    await scene.until(async () => (await states()) === 'cancelled done skipped done');
    assert.equal((await resultOf(handle)).exitCode, 0);
  }));

test('a paused fleet with no host under way can be cancelled', () =>
  engine.withWorker(async (scene) => {
    scene.script({ 'touch h1': 'hang' });
    const handle = await scene.start('world.fleet', { hosts: hosts(3), options: { width: 1 } });
    const states = () => statesOf(handle);
    await scene.until(async () => (await states()) === 'running pending pending');
    await handle.signal(names.pause);
    await scene.temporal.client.workflow.getHandle(`world.fleet/${scene.queue}/h1`).cancel();
    await scene.until(async () => (await states()) === 'cancelled pending pending');
    await handle.cancel();
    assert.equal((await resultOf(handle)).exitCode, 97);
  }));

test('abort cancels what is under way, which rolls back', () =>
  engine.withWorker(async (scene) => {
    scene.script({ 'touch h1': 'hang' });
    const handle = await scene.start('world.fleet', { hosts: hosts(3), options: { width: 1 } });
    await scene.until(
      async () => (await handle.query<RunStatusReport>(names.status)).fleet?.hosts[0]?.state === 'running',
    );
    await handle.signal(names.abort);
    const result = await resultOf(handle);
    assert.equal(result.exitCode, 99);
    assert.match(result.error ?? '', /aborted: 0 done, 0 failed, 1 cancelled, 0 skipped, 2 not started/);
    assert.deepEqual(scene.effects, ['before the fleet', 'untouch h1', 'undo before']);
  }));

test('cancelling the fleet cancels its hosts and rolls everything back', () =>
  engine.withWorker(async (scene) => {
    scene.script({ 'touch h2': 'hang' });
    const handle = await scene.start('world.fleet', { hosts: hosts(3), options: { width: 1 } });
    await scene.until(
      async () => (await handle.query<RunStatusReport>(names.status)).fleet?.hosts[1]?.state === 'running',
    );
    await handle.cancel();
    assert.equal((await resultOf(handle)).exitCode, 97);
    assert.deepEqual(scene.effects, ['before the fleet', 'touch h1', 'untouch h2', 'undo before']);
  }));

test('a dry run of a fleet prints one plan for hosts that have the same', () =>
  engine.withWorker(async (scene) => {
    const result = await scene.run('world.fleet', { hosts: hosts(3), options: { width: 3 } }, { dryRun: true });
    assert.deepEqual(result.plan, ['before the fleet', 'on each of h1, h2, h3:', '  touch HOST', 'after the fleet']);
    assert.deepEqual(scene.effects, []);
  }));
