/** contenders-main.ts JSON: a worker of the proof, which may be killed, frozen or cut off, and whose clock is wrong. */
import { writeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { play, TimedEtcd, type Turn, type World } from './contender.ts';
import { byRun, readEvents, steadyMs, type Event } from './history.ts';
import { nextTurn } from './turns.ts';

/** What a worker is started with. */
export interface WorkerSetup {
  urls: string[];
  /** Where it notes what it does; what an earlier worker noted there it takes up. */
  file: string;
  contenders: string[];
  /** Minutes by which its clock is wrong at first. */
  skew: number;
}

/** What it is told: its clock is set, it is to end when its runs have, or the fencing machine has answered. */
export type Told = { skew: number } | { end: true } | { answer: number; accepted: boolean };
/** What it asks the machine that remembers fencing numbers. */
export interface Asked {
  ask: number;
  lock: string;
  fence: string;
}

const { urls, file, contenders, skew } = JSON.parse(process.argv[2] ?? '') as WorkerSetup;

// The clock of this machine, as everything in this process sees it.
let offsetMs = skew * 60_000;
const trueNow = Date.now.bind(Date);
Date.now = () => trueNow() + offsetMs;

let ending = false;
let asked = 0;
const answers = new Map<number, (accepted: boolean) => void>();
process.on('message', (told: Told) => {
  if ('skew' in told) offsetMs = told.skew * 60_000;
  else if ('end' in told) ending = true;
  else {
    answers.get(told.answer)?.(told.accepted);
    answers.delete(told.answer);
  }
});
process.once('disconnect', () => process.exit());

const before = byRun(readEvents(file));
const log = openSync(file, 'a');
writeSync(log, '\n'); // ends what a dying worker has left half written
const world: World = {
  etcd: new TimedEtcd({ hosts: urls }),
  // Written before anything else happens, whatever becomes of this process.
  note: (event) => void writeSync(log, `${JSON.stringify({ t: steadyMs(), ...event })}\n`),
  effect: (lock, fence) =>
    new Promise((resolve) => {
      const ask = ++asked;
      answers.set(ask, resolve);
      process.send?.({ ask, lock, fence } satisfies Asked);
    }),
  async work({ holdMs }) {
    if (holdMs !== undefined) await sleep(holdMs);
    else while (!ending) await sleep(50);
  },
};

await Promise.all(contenders.map(contend));
await world.etcd.close();
process.exit();

/** One turn after the other; first the one that an earlier worker has not brought to its end. */
async function contend(contender: string): Promise<void> {
  const own = [...before].filter(([run]) => run.startsWith(`${contender}.`));
  const open = own.find(([, events]) => !events.some(({ what }) => what === 'gone'));
  if (open) await play(world, turnOf(...open), open[1]);
  for (let number = own.length; !ending; number++) await play(world, nextTurn(contender, number));
}

function turnOf(run: string, events: readonly Event[]): Turn {
  const asked = events.find((event) => event.what === 'asks');
  if (!asked) throw new Error(`${run} did not begin with a question`);
  const { lock, concurrency, ttl, holdMs } = asked;
  return { run, lock, concurrency, ttl, ...(holdMs !== undefined && { holdMs }) };
}
