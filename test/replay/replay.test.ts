import { DefaultLogger, Runtime, Worker, makeTelemetryFilterString } from '@temporalio/worker';
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Config } from '../../src/config/schema.ts';
import { effectsOf } from '../../src/worker/activities.ts';
import { workflowBundle, type Bundle } from '../../src/worker/bundle.ts';
import { world } from '../support/world/activities.ts';
import { histories } from './record.ts';

interface History {
  events: {
    eventType: string;
    workflowExecutionStartedEventAttributes?: { workflowId: string };
    activityTaskScheduledEventAttributes?: { activityId: string };
  }[];
}

// A refused history is a warning of the SDK too.
Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR' }) } },
});
const root = join(import.meta.dirname, '../..');
const worldDir = join(root, 'test/support/world');
const dir = mkdtempSync(join(tmpdir(), 'sumac-replay-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const bundle = async (base: string, effects: Parameters<typeof workflowBundle>[1]): Promise<Bundle> => {
  const config = { cookbooks_base_dirs: [base], logs_base_dir: dir, state_dir: dir, temporal: {} };
  return workflowBundle(Config.parse(config), effects);
};
const worldEffects = effectsOf(world(dir));
let ofWorld: Promise<Bundle> | undefined;
let ofCookbooks: Promise<Bundle> | undefined;
const bundleOf = (name: string): Promise<Bundle> =>
  name.startsWith('world.') ? (ofWorld ??= bundle(worldDir, worldEffects)) : (ofCookbooks ??= bundleOfCookbooks());
const bundleOfCookbooks = async () => bundle(root, effectsOf((await import('../../activities/index.ts')).activities));

const read = (name: string): History => JSON.parse(readFileSync(join(histories, `${name}.json`), 'utf8')) as History;

const replay = ({ codePath }: Bundle, history: History): Promise<void> =>
  Worker.runReplayHistory(
    { workflowBundle: { codePath } },
    history,
    history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId,
  );

const recorded = existsSync(histories)
  ? readdirSync(histories)
      .filter((file) => file.endsWith('.json'))
      .map((file) => file.slice(0, -'.json'.length))
  : [];

test('there are recorded histories', () => assert.ok(recorded.length > 0, `none in ${histories}`));

for (const name of recorded)
  test(`${name} goes on with the present code`, async () => replay(await bundleOf(name), read(name)));

const violation = { name: 'DeterminismViolationError' };

test('a history of which the present code knows nothing is refused', async () => {
  const history = read('world.three-steps.good');
  const scheduled = history.events.find((event) => event.activityTaskScheduledEventAttributes?.activityId === 'second');
  assert.ok(scheduled?.activityTaskScheduledEventAttributes);
  scheduled.activityTaskScheduledEventAttributes.activityId = 'another step';
  await assert.rejects(replay(await bundleOf('world.'), history), violation);
});

/** The bundle of the test world with one of its cookbooks changed. */
async function changed(change: (code: string) => string): Promise<Bundle> {
  const base = mkdtempSync(join(dir, 'changed-'));
  const file = join(base, 'cookbooks/world/three-steps.ts');
  cpSync(join(worldDir, 'cookbooks/world/three-steps.ts'), file);
  const before = readFileSync(file, 'utf8').replace('../../call.ts', join(worldDir, 'call.ts'));
  const code = change(before);
  assert.notEqual(code, before);
  writeFileSync(file, code);
  const made = await bundle(base, worldEffects);
  assert.deepEqual([made.cookbooks, made.problems], [['world.three-steps'], []]);
  return made;
}

test('a cookbook that only says things differently still goes on with its runs', async () =>
  replay(await changed((code) => code.replace('Three steps', '3 steps')), read('world.three-steps.good')));

test('a cookbook with two steps in another order is refused', async () => {
  const swapped = await changed((code) =>
    code.replace(/( {2}await spicerack\.step\('first'.*?\}\);\n)(.*?\n)(?= {2}const probe)/s, '$2$1'),
  );
  await assert.rejects(replay(swapped, read('world.three-steps.good')), violation);
});

test('a cookbook without a step that ran is refused', async () => {
  const shorter = await changed((code) => code.replace(/ {2}await spicerack\.step\('look'.*\n/, ''));
  await assert.rejects(replay(shorter, read('world.three-steps.good')), violation);
});

test('an undo that a changed cookbook has no more is refused', async () => {
  const forgetful = await changed((code) =>
    code.replace("undo: () => set('undo kept')", 'undo: async () => undefined'),
  );
  await assert.rejects(replay(forgetful, read('world.three-steps.rolled-back')), violation);
});
