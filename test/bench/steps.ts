import { WorkflowClient, type Client } from '@temporalio/client';
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
import { beside, inTurns, row, timed } from './table.ts';

const many = 100;
const context: RunContext = {
  user: 'bench',
  host: 'bench',
  dryRun: false,
  noLocks: true,
  verbose: false,
  onFailure: 'rollback',
};
const definitions = {
  'bench.noop': read(async (_: object) => undefined),
  'announce.sal': create(async (_: object) => undefined),
};

/** Milliseconds a step: 100 no-op steps through the engine beside the same 100 activities in a bare workflow. */
export async function steps(): Promise<void> {
  const logger = new DefaultLogger('ERROR');
  Runtime.install({ logger });
  const dir = mkdtempSync(join(tmpdir(), 'sumac-bench-'));
  const temporal = await startTemporal({ database: join(dir, 'temporal.db') });
  const connection = await NativeConnection.connect({ address: temporal.address });
  try {
    const engine = await engineWorker(connection, dir);
    const bare = await Worker.create({
      connection,
      taskQueue: 'bare',
      workflowBundle: await bundleWorkflowCode({
        workflowsPath: join(import.meta.dirname, 'bare-workflow.ts'),
        logger,
      }),
      activities: { noop: async () => undefined },
    });
    await engine.runUntil(bare.runUntil(measure(temporal.client)));
  } finally {
    await connection.close();
    await temporal.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function engineWorker(connection: NativeConnection, dir: string): Promise<Worker> {
  const config = Config.parse({ cookbooks_base_dirs: [import.meta.dirname], logs_base_dir: dir, state_dir: dir });
  const { codePath } = await workflowBundle(config, effectsOf(definitions));
  return Worker.create({
    ...workerOptions(definitions, { config } as Deps),
    connection,
    taskQueue: 'engine',
    workflowBundle: { codePath },
  });
}

async function measure({ connection }: Client): Promise<void> {
  const header = { [contextHeader]: defaultPayloadConverter.toPayload(context) };
  const client = new WorkflowClient({
    connection,
    interceptors: [{ startWithDetails: (given, next) => next({ ...given, headers: { ...given.headers, ...header } }) }],
  });
  let count = 0;
  const execute = (type: string, taskQueue: string, args: unknown[]) =>
    timed(() => client.execute(type, { taskQueue, workflowId: `${taskQueue}-${++count}`, args }));
  const engine = (steps: number) => execute('bench.steps', 'engine', [{ argv: [], args: { steps } }]);
  const bare = (steps: number) => execute('bare', 'bare', [steps]);
  // What a run costs besides its steps (START, END) is not a step's.
  const empty: number[] = [];
  const figures = await inTurns(
    async () => {
      const around = await engine(0);
      empty.push(around);
      return ((await engine(many)) - around) / many;
    },
    async () => {
      const around = await bare(0);
      return ((await bare(many)) - around) / many;
    },
  );
  beside('a step through the engine', figures, 'bare Temporal', 1.15);
  row('a run without steps', empty.slice(1), 'ms');
}
