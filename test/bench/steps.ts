/** Milliseconds a step: 100 no-op steps through the engine beside the same 100 activities in a bare workflow, in turns. */
import { WorkflowClient } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker, bundleWorkflowCode } from '@temporalio/worker';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, read } from '../../activities/define.ts';
import { Config } from '../../src/config/schema.ts';
import { contextHeader, type RunContext } from '../../src/model/run.ts';
import { effectsOf } from '../../src/worker/activities.ts';
import { workflowBundle } from '../../src/worker/bundle.ts';
import type { Deps } from '../../src/worker/deps.ts';
import { workerOptions } from '../../src/worker/main.ts';
import { startTemporal } from '../support/temporal.ts';
import { median, row, timed } from './table.ts';

const steps = 100;
const rounds = Number(process.env.ROUNDS ?? 7);
const logger = new DefaultLogger('ERROR');
Runtime.install({ logger });
const dir = mkdtempSync(join(tmpdir(), 'sumac-bench-'));
const temporal = await startTemporal({ database: join(dir, 'temporal.db') });
const connection = await NativeConnection.connect({ address: temporal.address });
const config = Config.parse({
  cookbooks_base_dirs: [import.meta.dirname],
  logs_base_dir: dir,
  state_dir: dir,
  temporal: {},
});
const definitions = {
  'bench.noop': read(async (_: object) => undefined),
  'announce.sal': create(async (_: object) => undefined),
};
const { codePath } = await workflowBundle(config, effectsOf(definitions));
const engine = await Worker.create({
  ...workerOptions(definitions, { config } as Deps),
  connection,
  taskQueue: 'engine',
  workflowBundle: { codePath },
});
const bare = await Worker.create({
  connection,
  taskQueue: 'bare',
  workflowBundle: await bundleWorkflowCode({ workflowsPath: join(import.meta.dirname, 'bare-workflow.ts'), logger }),
  activities: { noop: async () => undefined },
});
const context: RunContext = {
  user: 'bench',
  host: 'bench',
  dryRun: false,
  noLocks: true,
  verbose: false,
  onFailure: 'rollback',
};
const header = { [contextHeader]: defaultPayloadConverter.toPayload(context) };
const client = new WorkflowClient({
  connection: temporal.client.connection,
  interceptors: [{ startWithDetails: (given, next) => next({ ...given, headers: { ...given.headers, ...header } }) }],
});
let count = 0;
const ofEngine = (n: number) =>
  timed(() =>
    client.execute('bench.steps', {
      taskQueue: 'engine',
      workflowId: `engine-${++count}`,
      args: [{ argv: [], args: { steps: n } }],
    }),
  );
const ofBare = (n: number) =>
  timed(() => client.execute('bare', { taskQueue: 'bare', workflowId: `bare-${++count}`, args: [n] }));

const measure = async () => {
  await ofEngine(5);
  await ofBare(5);
  const [ours, theirs, empty]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    // What a run costs besides its steps (START, END) is not a step's.
    const around = await ofEngine(0);
    empty.push(around);
    ours.push(((await ofEngine(steps)) - around) / steps);
    theirs.push((await ofBare(steps)) / steps);
  }
  const factor = median(ours) / median(theirs);
  row('a step, bare Temporal workflow', theirs, 'ms');
  row('a step through the engine', ours, 'ms', {
    text: `${factor.toFixed(2)} x bare, at most 1.15`,
    met: factor <= 1.15,
  });
  row('a run without steps', empty, 'ms');
};
await engine.runUntil(bare.runUntil(measure()));
await connection.close();
await temporal.stop();
rmSync(dir, { recursive: true, force: true });
