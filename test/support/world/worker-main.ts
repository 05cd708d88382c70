/** worker-main.ts ADDRESS QUEUE BUNDLE DIR: a worker of the test world as a process of its own, to be killed. */
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { Config } from '../../../src/config/schema.ts';
import type { Deps } from '../../../src/worker/deps.ts';
import { workerOptions } from '../../../src/worker/main.ts';
import { world } from './activities.ts';

const [address = '', taskQueue = '', codePath = '', dir = ''] = process.argv.slice(2);
Runtime.install({ logger: new DefaultLogger('ERROR') });
const config = Config.parse({ cookbooks_base_dirs: [dir], logs_base_dir: dir, state_dir: dir, temporal: {} });
const worker = await Worker.create({
  ...workerOptions(world(dir), { config } as Deps),
  connection: await NativeConnection.connect({ address }),
  taskQueue,
  workflowBundle: { codePath },
});
const running = worker.run();
process.send?.('ready');
await running;
