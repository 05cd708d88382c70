import { execFile } from 'node:child_process';
import { isDeepStrictEqual, promisify } from 'node:util';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { acquire, type Waiting } from '../../src/locks/acquire.ts';
import { Etcd } from '../../src/locks/etcd.ts';
import { listLocks } from '../../src/locks/list.ts';
import type { LockRef } from '../../src/locks/record.ts';
import { release } from '../../src/locks/release.ts';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';
import { median, rounds, row, timed } from './table.ts';
import { peer, peerEnv } from './venv.ts';

const pairs = 100;
const contenders = 20;

/** Locks beside Spicerack's, each on a local etcd of its own: taking and giving back a free one, and many who want the same one. */
export async function locks(): Promise<void> {
  const [server, old] = await Promise.all([startEtcd(), startEtcd(['--enable-v2'])]);
  try {
    await free(server, old);
    await contended(server, old, 100, 2500);
    await contended(server, old, 1000, 21_000);
  } finally {
    await server.stop();
    await old.stop();
  }
}

/** Counts what is asked of etcd, each a round trip. */
class CountingEtcd extends Etcd {
  asked = 0;
  override grant(ttl: number) {
    this.asked++;
    return super.grant(ttl);
  }
  override transact(...args: Parameters<Etcd['transact']>) {
    this.asked++;
    return super.transact(...args);
  }
  override renew(lease: string) {
    this.asked++;
    return super.renew(lease);
  }
  override revoke(lease: string) {
    this.asked++;
    return super.revoke(lease);
  }
}

async function take(etcd: Etcd, run: string, name: string): Promise<() => Promise<unknown>> {
  const lock: LockRef = { kind: 'custom', name, run };
  const record = { concurrency: 1, created: '', owner: run, ttl: 60, run };
  const signal = new AbortController().signal;
  const waiting: Waiting = { until: Infinity, signal, again: false, blocked: () => undefined };
  const { lease } = await acquire(etcd, lock, record, waiting);
  return () => release(etcd, lock, lease);
}

async function free(server: TestEtcd, old: TestEtcd): Promise<void> {
  const etcd = new CountingEtcd({ hosts: [server.url] });
  const serial = () =>
    timed(async () => {
      for (let pair = 0; pair < pairs; pair++) await (await take(etcd, `run${pair}`, 'serial'))();
    });
  await serial();
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    theirs.push(await spicerack(old, 'pairs', pairs));
    ours.push((await serial()) / pairs);
  }
  etcd.asked = 0;
  const give = await take(etcd, 'counted', 'serial');
  const { asked } = etcd;
  await give();
  await etcd.close();
  row('acquire and release a free lock, Spicerack', theirs, 'ms');
  row('acquire and release a free lock', ours, 'ms', { text: 'at most 4 ms', met: median(ours) <= 4 });
  row('requests to etcd to acquire a free lock', [asked], '', { text: 'at most 2', met: asked <= 2 });
}

async function contended(server: TestEtcd, old: TestEtcd, holdMs: number, most: number): Promise<void> {
  const name = `${holdMs} ms`;
  const clients = Array.from({ length: contenders }, () => new Etcd({ hosts: [server.url] }));
  const order: string[] = [];
  const work = async (etcd: Etcd, number: number) => {
    const run = `run${number}`;
    const give = await take(etcd, run, name);
    order.push(run);
    await sleep(holdMs);
    await give();
  };
  const [first] = clients;
  if (!first) return;
  await Promise.all(clients.map((etcd) => etcd.renew('1'))); // connected
  // Who is new in a later look came after everybody in the earlier ones.
  const arrived = new Set<string>();
  const took = await timed(async () => {
    const all = Promise.all(clients.map(work));
    while (arrived.size < contenders && order.length < contenders) {
      const { locks: seen } = await listLocks(first);
      const { holders = [], waiters = [] } = seen.find(({ key }) => key.endsWith(`/${name}`)) ?? {};
      for (const { run } of [...holders, ...waiters]) arrived.add(run);
      await sleep(10);
    }
    await all;
  });
  await Promise.all(clients.map((etcd) => etcd.close()));
  const what = `${contenders} contenders for one lock, each holds it ${name}: all through`;
  row(`${what}, Spicerack`, [await spicerack(old, 'contenders', contenders, holdMs / 1000)], 'ms');
  row(
    what,
    [took],
    'ms',
    { text: `at most ${most} ms`, met: took <= most },
    { text: 'in order of arrival', met: isDeepStrictEqual(order, [...arrived]) },
  );
}

async function spicerack(server: TestEtcd, ...args: (string | number)[]): Promise<number> {
  const script = join(import.meta.dirname, 'locks.py');
  const { port } = new URL(server.url);
  const { stdout } = await promisify(execFile)(await peer('python'), [script, port, ...args.map(String)], {
    env: peerEnv,
  });
  return JSON.parse(stdout) as number;
}
