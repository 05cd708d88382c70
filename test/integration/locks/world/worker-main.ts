/** worker-main.ts ADDRESS BUNDLE DIR CONFIG: a worker with real locks, announcements and log files, to be killed. */
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { readFileSync } from 'node:fs';
import { announcements } from '../../../../activities/announce.ts';
import { groups } from '../../../../activities/groups.ts';
import { locks } from '../../../../activities/locks.ts';
import { queries } from './queries.ts';
import { Config } from '../../../../src/config/schema.ts';
import { openDeps } from '../../../../src/worker/deps.ts';
import { workerOptions } from '../../../../src/worker/main.ts';
import { world } from '../../../support/world/activities.ts';

const [address = '', codePath = '', dir = '', configFile = ''] = process.argv.slice(2);
const deps = openDeps(Config.parse(JSON.parse(readFileSync(configFile, 'utf8'))));
Runtime.install({ logger: deps.logger });
const worker = await Worker.create({
  ...workerOptions({ ...world(dir), ...locks, ...groups, ...announcements, ...queries }, deps),
  connection: await NativeConnection.connect({ address }),
  taskQueue: 'q',
  workflowBundle: { codePath },
});
process.once('disconnect', () => process.exit());
const running = worker.run();
process.send?.('ready');
await running;
