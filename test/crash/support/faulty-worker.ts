/** faulty-worker.ts CONFIG PLAN: a worker with the real activities, of which the planned ones go wrong. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Call } from '../../../activities/define.ts';
import { activities } from '../../../activities/index.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { OpsError } from '../../../src/model/errors.ts';
import type { Definitions } from '../../../src/worker/activities.ts';
import { runWorker } from '../../../src/worker/main.ts';
import { FaultPlan } from './fault-plan.ts';

const [configFile = '', planFile = ''] = process.argv.slice(2);
const plan = new FaultPlan(planFile);

const fault = (kind: 'failed' | 'unknown', at: string) => new OpsError(kind, 'FAULT', `fault at '${at}'`);

/** Until the run is cancelled; the worker's own end does not count. */
async function cancelled({ signal }: Call): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason as Error;
}

function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => undefined);
}

async function goWrong<T>(work: () => Promise<T>, call: Call): Promise<T> {
  const at = call.token.slice(`${call.run}/${call.context.origin ?? ''}/`.length);
  const mode = plan.at(at);
  if (mode === undefined) return work();
  if (mode.startsWith('wait')) {
    plan.waits(at);
    while (plan.at(at) !== undefined) await sleep(20, undefined, { signal: call.signal });
    return work();
  }
  // What fails by itself goes wrong the next time: then it is done.
  if (mode.endsWith('after') || mode === 'answer lost') await work();
  plan.happens(at);
  if (mode.startsWith('fails')) throw fault('failed', at);
  if (mode.startsWith('hangs')) return cancelled(call);
  if (mode.startsWith('dies')) return die();
  throw fault('unknown', at);
}

const definitions = Object.fromEntries(
  Object.entries(activities as Definitions).map(([name, { effect, run }]) => [
    name,
    { effect, run: (input: never, call: Call) => goWrong(() => run(input, call), call) },
  ]),
);
const { config } = await loadConfig(configFile);
await runWorker(config, { ready: (text) => console.error(text) }, definitions);
