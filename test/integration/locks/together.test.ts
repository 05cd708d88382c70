import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Actor, cancellation, etcdForTests } from './actors.ts';

const { server, worker } = await etcdForTests();
afterEach(() => server.ctl('del', '/', '--prefix'));

const keys = async (prefix = '/spicerack/') =>
  (await server.ctl('get', prefix, '--prefix', '--keys-only')).split('\n').filter(Boolean);
const leases = async () => (await server.ctl('lease', 'list')).split('\n').filter((line) => /^[0-9a-f]+$/.test(line));
const abc = { name: 'b', others: ['c', 'a'] };
const held = (run: string) => ['a', 'b', 'c'].map((name) => `/spicerack/locks/custom/${name}/${run}`);

test('several locks are taken under one lease, with one fencing number, and given back together', async () => {
  const one = await worker.acquire('one', abc);
  assert.deepEqual(await keys(), held('one'));
  assert.equal(one.key, held('one')[0], 'the first in their order');
  assert.equal((await leases()).length, 1);
  const shown = await server.ctl('get', '/spicerack/locks/', '--prefix', '-w', 'json');
  const { kvs } = JSON.parse(shown) as { kvs: { create_revision: number }[] };
  assert.equal(one.revision, String(Math.max(...kvs.map(({ create_revision: created }) => created))));
  assert.deepEqual(await worker.release('one', one, 'b', ['c', 'a']), { released: true });
  assert.deepEqual(await keys('/spicerack/locks/'), []);
  for (const name of ['a', 'b', 'c']) {
    const next = await worker.acquire('next', { name });
    assert.ok(BigInt(next.revision) > BigInt(one.revision), name);
    await worker.release('next', next, name);
  }
});

test(
  'runs that name the same locks in different orders never wait for each other for ever',
  { timeout: 60_000 },
  async () => {
    let inside = 0;
    const names = ['a', 'b', 'c', 'd'];
    const contend = async (number: number) => {
      const [name = '', ...others] = names.map((_, i) => names[(i * (number % 2 ? 1 : 3) + number) % 4] ?? '');
      for (let round = 0; round < 5; round++) {
        const run = `run${number}`;
        const taken = await worker.acquire(run, { name, others });
        assert.equal(++inside, 1);
        await sleep(2);
        inside--;
        await worker.release(run, taken, name, others);
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, number) => contend(number)));
    assert.deepEqual(await keys('/spicerack/locks/'), []);
  },
);

test('a second attempt goes on with what the first has taken', async () => {
  const other = await worker.acquire('other', { name: 'c' });
  const dying = new Actor(server);
  const controller = new AbortController();
  const first = dying.acquire('one', abc, { signal: controller.signal });
  first.catch(() => undefined);
  while ((await worker.look('c')).waiters.length === 0) await sleep(5);
  controller.abort(new Error('WORKER_SHUTDOWN'));
  await assert.rejects(first, /WORKER_SHUTDOWN/);
  await dying.etcd.close();
  const second = worker.acquire('one', abc, { attempt: 2 });
  await worker.release('other', other, 'c');
  await second;
  assert.deepEqual(await keys('/spicerack/locks/'), held('one'));
  assert.equal((await worker.look('a')).holders[0]?.lease, (await worker.look('c')).holders[0]?.lease);
});

test('a wait for one of several that ends, by time or by cancelling, leaves none of them', async () => {
  const other = await worker.acquire('other', { name: 'c' });
  await assert.rejects(worker.acquire('one', { ...abc, waitSeconds: 0.2 }), /for key \/spicerack\/locks\/custom\/c\./);
  assert.deepEqual(await keys(), [other.key]);
  const { signal, cancel } = cancellation();
  const waiting = worker.acquire('one', abc, { signal });
  waiting.catch(() => undefined);
  while ((await worker.look('c')).waiters.length === 0) await sleep(5);
  cancel();
  await assert.rejects(waiting, /CANCELLED/);
  assert.deepEqual(await keys(), [other.key]);
});

test('a release that knows no lease removes all of them', async () => {
  await worker.acquire('one', abc);
  assert.deepEqual(await worker.release('one', undefined, 'b', ['c', 'a']), { released: true });
  assert.deepEqual(await keys(), []);
});

test('who keeps them notices that any one of them is gone', { timeout: 30_000 }, async () => {
  const one = await worker.acquire('one', abc);
  let renewals = 0;
  const kept = worker.keepAll('one', ['a', 'b', 'c'], one, { heartbeat: () => renewals++ });
  kept.catch(() => undefined);
  while (renewals === 0) await sleep(5);
  await server.ctl('del', held('one')[2] ?? '');
  await assert.rejects(kept, /lost the lock \S+\/a\/one: with \/spicerack\/locks\/custom\/c\/one, as its key is gone/);
});

test('what a worker has given up for lost is not taken up again under the same lease', async () => {
  const held = await worker.acquire('one', abc);
  await server.ctl('del', '/spicerack/locks/custom/b/one');
  // As it does once it has found that something under it is gone.
  worker.etcd.forget(held.leaseId);
  const again = await worker.acquire('one', abc, { attempt: 2 });
  assert.notEqual(again.leaseId, held.leaseId);
  assert.ok(worker.etcd.lifeOf(again.leaseId).leftMs > 0);
  await worker.release('one', again, 'b', ['c', 'a']);
});

test('a release after one of them was lost leaves none of the others', async () => {
  for (const gone of ['b', 'c']) {
    const held = await worker.acquire('one', abc);
    await server.ctl('del', `/spicerack/locks/custom/${gone}/one`);
    await worker.release('one', held, 'b', ['c', 'a']);
    assert.deepEqual(await keys(), [], gone);
    assert.ok(!(await leases()).includes(BigInt(held.leaseId).toString(16)), gone);
  }
});

test('who keeps them ends with their release', { timeout: 30_000 }, async () => {
  const one = await worker.acquire('one', abc);
  let renewals = 0;
  const kept = worker.keepAll('one', ['a', 'b', 'c'], one, { heartbeat: () => renewals++ });
  kept.catch(() => undefined);
  while (renewals === 0) await sleep(5);
  await worker.release('one', one, 'b', ['c', 'a']);
  await kept;
  assert.ok(!(await leases()).includes(BigInt(one.leaseId).toString(16)), 'its lease is ended');
});

test('a thousand hosts are locked in one go, and told by their folded name', { timeout: 60_000 }, async () => {
  const from = performance.now();
  const all = await worker.acquire('one', { name: 'host:web[1000-1999].lab' });
  const took = performance.now() - from;
  assert.equal((await keys('/spicerack/locks/')).length, 1000);
  assert.ok(
    worker.log.lines.some((line) =>
      line.startsWith('INFO Acquired lock for key /spicerack/locks/custom/host:web[1000-1999].lab: '),
    ),
  );
  await assert.rejects(
    worker.acquire('two', { name: 'host:web1500.lab', waitSeconds: 0.2 }),
    /for key \/spicerack\/locks\/custom\/host:web1500\.lab\./,
  );
  await worker.release('one', all, 'host:web[1000-1999].lab');
  assert.deepEqual(await keys('/spicerack/locks/'), []);
  assert.ok(took < 30_000, `it took ${took} ms`);
});
