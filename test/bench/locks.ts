import { setTimeout as sleep } from 'node:timers/promises';
import { acquire, type Waiting } from '../../src/locks/acquire.ts';
import { Etcd } from '../../src/locks/etcd.ts';
import type { LockRef } from '../../src/locks/record.ts';
import { release } from '../../src/locks/release.ts';
import { startEtcd } from '../support/etcd.ts';
import { median, rounds, row, timed } from './table.ts';

const pairs = 100;
const contenders = 20;
const holdMs = 100;

/** Taking and giving back a lock on a local etcd, without the activity around it; and many who want the same one. */
export async function locks(): Promise<void> {
  const server = await startEtcd();
  const etcd = new Etcd({ hosts: [server.url] });
  const take = (run: string, name: string) => {
    const lock: LockRef = { kind: 'custom', name, run };
    const record = { concurrency: 1, created: '', owner: run, ttl: 60, run };
    const signal = new AbortController().signal;
    const waiting: Waiting = { until: Infinity, signal, again: false, blocked: () => undefined };
    return acquire(etcd, lock, record, waiting).then((held) => () => release(etcd, lock, held.lease));
  };
  try {
    const serial = () =>
      timed(async () => {
        for (let pair = 0; pair < pairs; pair++) await (await take(`run${pair}`, 'serial'))();
      });
    await serial();
    const each: number[] = [];
    for (let round = 0; round < rounds; round++) each.push((await serial()) / pairs);
    row('acquire and release of a lock, one after the other', each, 'ms', {
      text: 'at most 4 ms',
      met: median(each) <= 4,
    });
    const all: number[] = [];
    for (let round = 0; round < 3; round++)
      all.push(await timed(() => Promise.all(Array.from({ length: contenders }, (_, run) => hold(take, `run${run}`)))));
    row(`${contenders} contenders for one lock, each holding it ${holdMs} ms`, all, 'ms', {
      text: 'at most 2500 ms, Spicerack 37 s',
      met: median(all) <= 2500,
    });
  } finally {
    await etcd.close();
    await server.stop();
  }
}

async function hold(take: (run: string, name: string) => Promise<() => Promise<unknown>>, run: string): Promise<void> {
  const give = await take(run, 'contended');
  await sleep(holdMs);
  await give();
}
