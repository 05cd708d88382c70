/**
 * Records histories of the test world's cookbooks anew: `npm run record:world [-- NAME...]`, with `temporal` on PATH.
 * A history that no longer replays is an open run that no longer goes on: record anew only what was meant to break, and
 * say so in the commit.
 */
import type { WorkflowHandle } from '@temporalio/client';
import { names, type FleetReport, type RunStatusReport } from '../../src/model/run.ts';
import { Engine, resultOf, type Scene } from '../support/world/engine.ts';
import { recordHistory } from './record.ts';

const fleetOf = async (handle: WorkflowHandle): Promise<FleetReport | undefined> =>
  (await handle.query<RunStatusReport>(names.status)).fleet;
const threeSteps = (scene: Scene, args = {}, context = {}) => scene.start('world.three-steps', args, context);
const hosts = (count: number) => Array.from({ length: count }, (_, i) => `h${i + 1}`);

/** By name of the history: starts the run and takes it to where it needs nobody any more. */
const runs: Record<string, (scene: Scene) => Promise<WorkflowHandle>> = {
  'world.three-steps.good': async (scene) => {
    scene.hold('ready');
    return threeSteps(scene, { what: 'db1', settle: true });
  },
  'world.three-steps.rolled-back': async (scene) => {
    scene.hold('ready');
    scene.script({ third: 'fail' });
    return threeSteps(scene);
  },
  'world.three-steps.answered': async (scene) => {
    scene.hold('ready');
    scene.script({ second: 'unknown', third: 'fail' });
    const handle = await threeSteps(scene, {}, { onFailure: 'hold' });
    await scene.answer(handle, 'done');
    await scene.answer(handle, 'retry');
    await scene.answer(handle, 'skip');
    return handle;
  },
  'world.three-steps.cancelled': async (scene) => {
    const handle = await threeSteps(scene, { within: '5m' });
    await scene.until(() => scene.effects.includes('second'));
    await handle.cancel();
    return handle;
  },
  'world.three-steps.probed': async (scene) => {
    scene.hold('ready');
    scene.script({ second: 'lost' });
    return threeSteps(scene, { noReturn: true });
  },
  'world.three-steps.dry-run': (scene) => threeSteps(scene, {}, { dryRun: true }),
  'world.ask.answered': async (scene) => {
    scene.script({ 'paint blue': 'fail' });
    const handle = await scene.start('world.ask', { name: 'x' });
    for (const answer of ['go', 'blue', 'skip']) await scene.answer(handle, answer);
    return handle;
  },
  'world.fleet.steered': async (scene) => {
    scene.script({ 'touch h2': 'hang', 'touch h3': 'fail' });
    const options = { width: 1, canaries: 1, bake: '100ms', maxFailed: 2, pauseBetween: '100ms' };
    const handle = await scene.start('world.fleet', { hosts: hosts(6), options });
    await scene.until(async () => (await fleetOf(handle))?.hosts[1]?.state === 'running');
    await handle.signal(names.pause);
    await handle.signal(names.skip, 'h5');
    await handle.signal(names.width, 3);
    await handle.signal(names.resume);
    await scene.until(async () => (await fleetOf(handle))?.hosts[5]?.state === 'done');
    await scene.temporal.client.workflow.getHandle(`${handle.workflowId}/h2`).cancel();
    return handle;
  },
  'world.fleet.continued': async (scene) => {
    const handle = await scene.start('world.fleet', { hosts: hosts(30), options: { width: 2 } });
    await resultOf(handle);
    const latest = scene.temporal.client.workflow.getHandle(handle.workflowId);
    const { events } = await latest.fetchHistory();
    const { continuedExecutionRunId } = events?.[0]?.workflowExecutionStartedEventAttributes ?? {};
    if (!continuedExecutionRunId) throw new Error('the fleet run did not continue as new');
    return latest;
  },
  'world.one-host.answered': async (scene) => {
    scene.script({ 'touch h1': 'fail' });
    const fleet = await scene.start('world.fleet', { hosts: hosts(1), options: { width: 1 } }, { onFailure: 'hold' });
    await scene.until(async () => (await fleetOf(fleet))?.hosts[0]?.state === 'parked');
    const handle = scene.temporal.client.workflow.getHandle(`${fleet.workflowId}/h1`);
    await scene.answer(handle, 'roll back');
    await scene.answer(fleet, 'leave');
    await resultOf(fleet);
    return handle;
  },
};

// Continued as new after so few events that a small fleet does it.
const engine = await Engine.start({ dynamicConfig: ['limit.historyCount.suggestContinueAsNew=100'] });
try {
  const wanted = process.argv.slice(2);
  for (const [name, run] of Object.entries(runs).filter(([name]) => wanted.length === 0 || wanted.includes(name)))
    await engine.withWorker(async (scene) => {
      const handle = await run(scene);
      const { exitCode } = await resultOf(handle);
      // The handle would fetch the execution it started; the latest shows how a run goes on.
      const file = await recordHistory(scene.temporal.client.workflow.getHandle(handle.workflowId), name);
      process.stdout.write(`${file} (exit code ${exitCode})\n`);
    });
} finally {
  await engine.stop();
}
