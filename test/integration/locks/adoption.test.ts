import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Etcd } from '../../../src/locks/etcd.ts';
import { startEtcd, type TestEtcd } from '../../support/etcd.ts';
import { Actor } from './actors.ts';

let server: TestEtcd;
const workers: Actor[] = [];
const newWorker = (kind = Etcd) => {
  const worker = new Actor(server, kind);
  workers.push(worker);
  return worker;
};
before(async () => {
  server = await startEtcd();
});
after(async () => {
  await Promise.all(workers.map(({ etcd }) => etcd.close()));
  await server.stop();
});

/** A worker that dies while a run waits on it: its client is gone, its leases are not. */
async function dieWaiting(run: string, name: string): Promise<void> {
  const worker = newWorker();
  const controller = new AbortController();
  const waiting = worker.acquire(run, { name }, { signal: controller.signal });
  waiting.catch(() => undefined);
  while (!(await worker.look(name)).waiters.some((waiter) => waiter.run === run)) await sleep(5);
  controller.abort(new Error('WORKER_SHUTDOWN'));
  await waiting.catch(() => undefined);
  await worker.etcd.close();
}

test('a second attempt on another worker adopts the lock the first one took', async () => {
  const [one, two] = [newWorker(), newWorker()];
  const held = await one.acquire('run', { name: 'a' });
  await one.etcd.close();
  for (const attempt of [1, 2]) assert.deepEqual(await two.acquire('run', { name: 'a' }, { attempt }), held);
  const { holders } = await two.look('a');
  assert.equal(holders.length, 1);
  const leases = await server.ctl('lease', 'list');
  assert.match(leases, /found 1 leases/, 'no lease is left of the attempts');
  await two.release('run', held, 'a');
});

test('a second attempt takes up the place in the queue that the first one left', async () => {
  const worker = newWorker();
  const held = await worker.acquire('holder', { name: 'b' });
  await dieWaiting('first', 'b');
  const place = (await worker.look('b')).waiters[0];
  const second = worker.acquire('second', { name: 'b' });
  while ((await worker.look('b')).waiters.length < 2) await sleep(5);
  const first = newWorker().acquire('first', { name: 'b' }, { attempt: 2 });
  await worker.release('holder', held, 'b');
  await worker.release('first', await first, 'b');
  await second;
  assert.equal(place?.run, 'first');
});

test(
  'the place of a worker that never comes back is given up, and the next one enters',
  { timeout: 60_000 },
  async () => {
    const worker = newWorker();
    const held = await worker.acquire('holder', { name: 'c' });
    await dieWaiting('ghost', 'c');
    const next = worker.acquire('next', { name: 'c' });
    while ((await worker.look('c')).waiters.length < 2) await sleep(5);
    await worker.release('holder', held, 'c');
    assert.equal((await next).key, '/spicerack/locks/custom/c/next');
    assert.deepEqual((await worker.look('c')).waiters, []);
  },
);

test('holders of one run in two slots are two holders', async () => {
  const worker = newWorker();
  const one = await worker.acquire('run', { name: 'd', concurrency: 2 });
  const two = await worker.acquire('run', { name: 'd', concurrency: 2, slot: 1 });
  assert.deepEqual([one.key, two.key], ['/spicerack/locks/custom/d/run', '/spicerack/locks/custom/d/run:1']);
  await worker.release('run', one, 'd');
  assert.deepEqual(
    (await worker.look('d')).holders.map(({ key }) => key),
    [two.key],
  );
});

/** The answer to every change is lost on its way, so that the transport asks again. */
class Unheard extends Etcd {
  override async transact(...request: Parameters<Etcd['transact']>): ReturnType<Etcd['transact']> {
    await super.transact(...request);
    return super.transact(...request);
  }
}

test('a commit whose answer is lost costs neither the lock nor the turn, and its release is one', async () => {
  const [worker, unheard] = [newWorker(), newWorker(Unheard)];
  const first = await unheard.acquire('first', { name: 'e' });
  assert.equal((await worker.look('e')).holders[0]?.lease, first.leaseId);
  const second = unheard.acquire('second', { name: 'e' });
  second.catch(() => undefined);
  while ((await worker.look('e')).waiters.length < 1) await sleep(5);
  const third = worker.acquire('third', { name: 'e' });
  while ((await worker.look('e')).waiters.length < 2) await sleep(5);
  assert.deepEqual(await unheard.release('first', first, 'e'), { released: true });
  const held = await second;
  assert.deepEqual(
    (await worker.look('e')).holders.map(({ run }) => run),
    ['second'],
  );
  await unheard.release('second', held, 'e');
  await worker.release('third', await third, 'e');
  await unheard.release('first', undefined, 'e');
});
