import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LockHeld } from '../../../activities/locks.ts';
import { isOpsError } from '../../../src/model/errors.ts';
import { Actor, cancellation, etcdForTests } from './actors.ts';

const { server, worker } = await etcdForTests();
afterEach(() => server.ctl('del', '/', '--prefix'));

const isLockLost = (held: LockHeld, why: RegExp) => (error: unknown) =>
  isOpsError(error) &&
  error.kind === 'failed' &&
  error.code === 'LockLost' &&
  error.message.startsWith(`lost the lock ${held.key}: `) &&
  why.test(error.message);

const present = async ({ key }: LockHeld) => (await server.ctl('get', key, '--keys-only')).trim() === key;

/** Keeps a lock until the test ends it, and resolves once it was renewed for the first time. */
async function keeping(run: string, held: LockHeld, ttl: number, resumed?: unknown) {
  const { signal, cancel } = cancellation();
  const renewals: number[] = [];
  const heartbeat = (details: unknown) => renewals.push((details as { renewedAt: number }).renewedAt);
  const ended = worker.keep(run, held, ttl, { signal, heartbeat, resumed });
  ended.catch(() => undefined);
  while (renewals.length === 0) await sleep(10);
  const stop = () => {
    cancel();
    return ended;
  };
  return { ended, renewals, stop };
}

const span = (times: readonly number[]) => (times.at(-1) ?? 0) - (times[0] ?? 0);

const untiring = async <T>(body: () => Promise<T>): Promise<T> => {
  for (;;)
    try {
      return await body();
    } catch {
      await sleep(200);
    }
};

test('keeping renews the lease beyond its time, and ends without an error when the run cancels it', async () => {
  const held = await worker.acquire('run', { ttlSeconds: 9 });
  const kept = await keeping('run', held, 9);
  while (kept.renewals.length < 5) await sleep(50); // three seconds apart: longer than the lease
  assert.ok(await present(held));
  assert.ok(span(kept.renewals) > 9000, `${span(kept.renewals)} ms`);
  await kept.stop();
});

test('who keeps a lock ends with its release, although the run takes it again at once', async () => {
  const held = await worker.acquire('run');
  const kept = await keeping('run', held, 60);
  assert.deepEqual(await worker.release('run', held), { released: true });
  const again = await worker.acquire('run');
  await kept.ended;
  assert.ok(await present(again));
  assert.deepEqual(await worker.release('run', again), { released: true });
});

test('an attempt to keep that comes after the release ends, too', async () => {
  const held = await worker.acquire('run');
  await worker.release('run', held);
  await worker.keep('run', held, 60, { attempt: 2 });
  assert.equal((await server.ctl('get', '/spicerack/', '--prefix', '--keys-only')).trim(), '', 'its lease is ended');
});

test('without keeping, the lease ends and the lock is free', async () => {
  const held = await worker.acquire('run', { ttlSeconds: 2 });
  const other = await worker.acquire('other', {});
  assert.ok(!(await present(held)));
  assert.ok(await present(other));
});

test('a lock whose key somebody removes is lost before the next renewal is due', { timeout: 15_000 }, async () => {
  const held = await worker.acquire('run');
  const kept = await keeping('run', held, 60);
  await server.ctl('del', held.key);
  await assert.rejects(kept.ended, isLockLost(held, /its key is gone from etcd/));
});

test('a lock whose lease somebody revokes is lost', async () => {
  const held = await worker.acquire('run');
  const kept = await keeping('run', held, 60);
  await server.ctl('lease', 'revoke', BigInt(held.leaseId).toString(16));
  await assert.rejects(kept.ended, isLockLost(held, /its key is gone from etcd/));
});

test('the next attempt renews the same lease after its worker died', async () => {
  const held = await worker.acquire('run', { ttlSeconds: 9 });
  const began = performance.now();
  const dead = await keeping('run', held, 9);
  await dead.stop();
  await sleep(2000);
  const kept = await keeping('run', held, 9, { renewedAt: dead.renewals.at(-1) });
  while (performance.now() - began < 10_000 || kept.renewals.length < 3) await sleep(50);
  assert.ok(await present(held));
  await kept.stop();
});

test('an attempt that comes after the lease ended reports the loss', async () => {
  const held = await worker.acquire('run', { ttlSeconds: 2 });
  const renewedAt = performance.now();
  while (await present(held)) await sleep(100);
  const late = worker.keep('run', held, 2, { resumed: { renewedAt } });
  await assert.rejects(late, isLockLost(held, /its key is gone/));
});

test(
  'etcd killed and started again costs nothing: the lock is kept and still excludes',
  { timeout: 60_000 },
  async () => {
    const held = await worker.acquire('run', { ttlSeconds: 20 });
    const kept = await keeping('run', held, 20);
    await server.kill();
    await sleep(1500);
    await server.start();
    const before = kept.renewals.length;
    while (kept.renewals.length === before) await sleep(50);
    assert.ok(await present(held));
    await assert.rejects(worker.acquire('other', { waitSeconds: 0.2 }), /Unable to acquire lock/);
    await kept.stop();
    assert.deepEqual(await worker.release('run', held), { released: true });
  },
);

test('a waiter gets its turn although etcd was killed and started again meanwhile', { timeout: 60_000 }, async () => {
  const held = await worker.acquire('run');
  const waiting = worker.acquire('waiter').catch(() => untiring(() => worker.acquire('waiter', {}, { attempt: 2 })));
  while ((await worker.look()).waiters.length === 0) await sleep(5);
  await server.kill();
  await server.start();
  await untiring(() => worker.release('run', held));
  assert.ok(await present(await waiting));
});

test('a lock that was just taken outlives an etcd that does not answer at first', { timeout: 60_000 }, async () => {
  const held = await worker.acquire('run', { ttlSeconds: 60 });
  server.freeze(true);
  const stranger = new Actor(server);
  const controller = new AbortController();
  const kept = worker.keep('run', held, 60, { signal: controller.signal });
  let ended = false;
  void kept.then(
    () => (ended = true),
    () => (ended = true),
  );
  try {
    // Who has not taken it knows nothing of its lease.
    await assert.rejects(
      stranger.keep('run', held, 60),
      isLockLost(held, /etcd does not say whether it is still held \(5 s\)/),
    );
    assert.equal(ended, false);
  } finally {
    server.freeze(false);
    await stranger.etcd.close();
  }
  await untiring(() => worker.release('run', held));
  await kept;
});

test('etcd that stays away for as long as the lease lives costs the lock', { timeout: 60_000 }, async () => {
  const held = await worker.acquire('run', { ttlSeconds: 4 });
  const kept = await keeping('run', held, 4);
  await server.kill();
  try {
    await assert.rejects(kept.ended, isLockLost(held, /etcd was away for as long as its lease lives \(4 s\)/));
    const since = performance.now() - (kept.renewals.at(-1) ?? 0);
    assert.ok(since >= 3900, `given up ${since} ms after the last renewal`);
  } finally {
    await server.start();
  }
});

test('a clock that is set back while etcd is away delays the loss by nothing', { timeout: 60_000 }, async (t) => {
  const held = await worker.acquire('run', { ttlSeconds: 4 });
  const kept = await keeping('run', held, 4);
  server.freeze(true);
  const trueNow = Date.now;
  t.mock.method(Date, 'now', () => trueNow() - 600_000);
  try {
    await assert.rejects(kept.ended, isLockLost(held, /etcd was away for as long as its lease lives/));
  } finally {
    server.freeze(false);
  }
});

test('etcd that takes requests and answers none costs the lock, too', { timeout: 60_000 }, async () => {
  const held = await worker.acquire('run', { ttlSeconds: 4 });
  const kept = await keeping('run', held, 4);
  server.freeze(true);
  try {
    await assert.rejects(kept.ended, isLockLost(held, /etcd was away for as long as its lease lives/));
  } finally {
    server.freeze(false);
  }
});
