import { setTimeout as sleep } from 'node:timers/promises';
import { openHost } from './hosts.ts';
import { openStage, type Stage } from './stage.ts';
import { median, row, rounds } from './table.ts';

const steps = 60;
const killAfterMs = 3000;
const mostMs = 8000;

/** kill -9 of the worker in the middle of steps of 100 ms: from the start of the next worker to the next new step. */
export async function recovery(): Promise<void> {
  const host = await openHost();
  const stage = await openStage(host.config);
  try {
    const figures: number[] = [];
    for (let round = 0; round < Math.min(rounds, 5); round++) figures.push(await killed(stage, host.name));
    row('next new step after kill -9 of the worker', figures, 'ms', {
      text: `at most ${mostMs} ms`,
      met: median(figures) <= mostMs,
    });
  } finally {
    await stage.stop();
    await host.close();
  }
}

async function killed(stage: Stage, host: string): Promise<number> {
  const run = stage.cli.start(['bench.commands', host, String(steps), 'sleep 0.1']);
  const [id = ''] = await run.until(/bench\.commands\/\S+/);
  await sleep(killAfterMs);
  stage.worker.kill('SIGKILL');
  await stage.worker.ended;
  const began = Date.now();
  stage.worker = await stage.cli.worker();
  const { code, stderr } = await run.ended;
  if (code !== 0) throw new Error(`the run ended with ${code}: ${stderr}`);
  return (await firstScheduledAfter(stage, id, began)) - began;
}

/** When the server put down the first activity that was asked for after that time. */
async function firstScheduledAfter({ temporal }: Stage, id: string, began: number): Promise<number> {
  const { events } = await temporal.client.workflow.getHandle(id).fetchHistory();
  const times = (events ?? [])
    .filter(({ activityTaskScheduledEventAttributes: scheduled }) => scheduled)
    .map(({ eventTime }) => Number(eventTime?.seconds) * 1000 + (eventTime?.nanos ?? 0) / 1e6)
    .filter((time) => time > began);
  if (times.length === 0) throw new Error(`${id} had ended before its worker was killed`);
  return Math.min(...times);
}
