import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type LabCli, startLabCli } from '../../support/lab-cli.ts';

const hosts = Array.from({ length: 12 }, (_, i) => `web${i + 1}`);

let made: LabCli;

before(async () => {
  made = await startLabCli(hosts, { config: () => ({ ssh: { slice_size: 3 } }) });
  await Promise.all([made.cli.worker(), made.cli.worker()]);
});
after(() => made.stop());

test('the slices of a run are shared out among the workers of its queue, and each host is served once', async () => {
  const { lab, server, cli } = made;
  const ran = join(lab.dir, 'ran');
  const commands = [`echo $HOME >>${ran}`, 'sleep 1'];
  const { code, stdout, stderr } = await cli.run(['exec', '--force', '-m', 'async', 'web[1-12]', ...commands]);
  assert.equal(code, 0, stderr);
  const [, id = ''] = /^(exec\/\d{8}-\d{6}-\w+-[0-9a-f]{4})$/m.exec(stdout + stderr) ?? [];
  const { events } = await server.client.workflow.getHandle(id).fetchHistory();
  const slices = new Set<string>();
  const workers: unknown[] = [];
  for (const { eventId, activityTaskScheduledEventAttributes: scheduled, ...event } of events ?? []) {
    if (scheduled?.activityType?.name === 'remote.runAsync') slices.add(String(eventId));
    const started = event.activityTaskStartedEventAttributes;
    if (started && slices.has(String(started.scheduledEventId))) workers.push(started.identity);
  }
  assert.deepEqual([slices.size, workers.length], [4, 4]);
  assert.equal(new Set(workers).size, 2, workers.join(' '));
  const homes = readFileSync(ran, 'utf8').trim().split('\n');
  assert.deepEqual(homes.sort(), hosts.map((host) => join(lab.dir, host)).sort());
});
