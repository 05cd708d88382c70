import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LockInput } from '../../../activities/locks.ts';
import { isOpsError } from '../../../src/model/errors.ts';
import { cancellation, etcdForTests } from './actors.ts';

const { server, worker } = await etcdForTests();
afterEach(() => server.ctl('del', '/', '--prefix'));

const keys = async () =>
  (await server.ctl('get', '/', '--prefix', '--keys-only')).split('\n').filter((key) => /locks|waiting/.test(key));

/** Starts a wait and returns once it stands in the queue. */
async function queue(run: string, input: Partial<LockInput> = {}) {
  const others = (await worker.look()).waiters.length;
  const held = worker.acquire(run, input);
  while ((await worker.look()).waiters.length === others) await sleep(5);
  return { held };
}

test('a holder is one key bound to a lease, with the fields of the original and the run', async () => {
  const held = await worker.acquire('sre.reboot/1', { concurrency: 2, ttlSeconds: 60 });
  assert.equal(held.key, '/spicerack/locks/custom/x/sre.reboot%2F1');
  const text = (await server.ctl('get', held.key, '--print-value-only')).trim();
  assert.match(
    text,
    /^\{"concurrency": 2, "created": "\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00", "owner": "alice@laptop \[sre\.reboot\/1\]", "ttl": 60, "run": "sre\.reboot\/1"\}$/,
  );
  const lease = BigInt(held.leaseId).toString(16);
  assert.match(await server.ctl('lease', 'timetolive', lease, '--keys'), /granted with TTL\(60s\).*sre\.reboot%2F1/);
  assert.ok(
    worker.log.lines.some((line) =>
      /^INFO Acquired lock for key \/spicerack\/locks\/custom\/x: \{'concurrency': 2, 'created': '.*', 'owner': 'alice@laptop \[sre\.reboot\/1\]', 'ttl': 60\}$/.test(
        line,
      ),
    ),
  );
});

test('twenty contenders pass one at a time, in the order they came', async () => {
  const order: number[] = [];
  let inside = 0;
  const work = async (number: number) => {
    const held = await worker.acquire(`run${number}`);
    assert.equal(++inside, 1);
    order.push(number);
    await sleep(20);
    inside--;
    await worker.release(`run${number}`, held);
  };
  const first = await worker.acquire('first');
  const all: Promise<void>[] = [];
  for (let number = 0; number < 20; number++) {
    all.push(work(number));
    while ((await worker.look()).waiters.length <= number) await sleep(5);
  }
  await worker.release('first', first);
  await Promise.all(all);
  assert.deepEqual(
    order,
    Array.from({ length: 20 }, (_, number) => number),
  );
  assert.deepEqual(await keys(), []);
});

test('fencing numbers grow from holder to holder', async () => {
  const one = await worker.acquire('one');
  await worker.release('one', one);
  const two = await worker.acquire('two');
  assert.ok(BigInt(two.revision) > BigInt(one.revision));
});

test('a counted lock lets in as many as its strictest holder bears', async () => {
  await worker.acquire('one', { concurrency: 3 });
  const two = await worker.acquire('two', { concurrency: 2 });
  const { blocked } = await worker.look('x', 3);
  assert.match(blocked ?? '', /There are already 2 concurrent locks and the concurrency allowed is 2:/);
  const three = await queue('three', { concurrency: 3 });
  await worker.release('two', two);
  assert.equal((await three.held).key, '/spicerack/locks/custom/x/three');
});

test('an exclusive holder keeps out who would bear more, and an unlimited one keeps out the exclusive', async () => {
  await worker.acquire('exclusive', { concurrency: 1 });
  for (const concurrency of [0, 5]) assert.match((await worker.look('x', concurrency)).blocked ?? '', /allowed is 1:/);
  await worker.acquire('unlimited', { name: 'y', concurrency: 0 });
  assert.match(
    (await worker.look('y', 1)).blocked ?? '',
    /^Unable to acquire lock: \{'concurrency': 1, .*\} for key \/spicerack\/locks\/custom\/y\. There are already 1 concurrent locks and a concurrency of 1 was requested\.\n {4}.*: alice@laptop \[unlimited\]$/,
  );
  assert.equal((await worker.look('y', 0)).blocked, undefined);
  assert.equal((await worker.look('y', 0)).holders.length, 1);
});

test('nobody overtakes who waits already, although there would be room', async () => {
  const held = await worker.acquire('one', { concurrency: 2 });
  const exclusive = await queue('exclusive', { concurrency: 1 });
  const late = await queue('late', { concurrency: 2 });
  assert.deepEqual(
    (await worker.look()).holders.map(({ run }) => run),
    ['one'],
  );
  await worker.release('one', held);
  await worker.release('exclusive', await exclusive.held);
  await worker.release('late', await late.held);
});

test('a wait that takes too long fails, names who is in the way, and leaves nothing behind', async () => {
  const held = await worker.acquire('holder');
  const beats: unknown[] = [];
  const lines = worker.log.lines.length;
  await assert.rejects(
    worker.acquire('waiter', { waitSeconds: 0.3 }, { heartbeat: (details) => beats.push(details) }),
    (error) =>
      isOpsError(error) &&
      error.kind === 'failed' &&
      error.code === 'LOCK_UNAVAILABLE' &&
      /^Unable to acquire lock: \{'concurrency': 1, .*'ttl': 60\} for key \/spicerack\/locks\/custom\/x\.\nThere are already 1 concurrent locks and the concurrency allowed is 1:\n {4}\d{4}-.*\+00:00: alice@laptop \[holder\]$/.test(
        error.message,
      ),
  );
  const told = worker.log.lines.slice(lines).filter((line) => line.startsWith('WARN'));
  assert.equal(told.length, 1, 'it warns once');
  assert.match(told[0] ?? '', /Unable to acquire lock/);
  const [beat] = beats as { waitingFor: string; holders: string[] }[];
  assert.equal(beat?.waitingFor, '/spicerack/locks/custom/x');
  assert.match(beat.holders[0] ?? '', /alice@laptop \[holder\]$/);
  assert.deepEqual(await keys(), [held.key]);
});

test('a wait goes on counting where an earlier attempt began', async () => {
  await worker.acquire('holder');
  const resumed = { waitingFor: '/spicerack/locks/custom/x', waitedMs: 1_755_001 };
  await assert.rejects(worker.acquire('waiter', {}, { attempt: 2, resumed }), /Unable to acquire lock/);
});

test('a clock that is set forward while one waits shortens the wait by nothing', { timeout: 30_000 }, async (t) => {
  const one = await worker.acquire('one', { concurrency: 2 });
  const two = await worker.acquire('two', { concurrency: 2 });
  const beats: unknown[] = [];
  const waiting = worker.acquire('waiter', {}, { heartbeat: (details) => beats.push(details) });
  waiting.catch(() => undefined);
  while (beats.length === 0) await sleep(5);
  const trueNow = Date.now;
  t.mock.method(Date, 'now', () => trueNow() + 3_600_000);
  await worker.release('one', one);
  while (beats.length === 1) await sleep(5);
  await worker.release('two', two);
  await worker.release('waiter', await waiting);
});

test('a cancelled wait leaves nothing behind', async () => {
  const held = await worker.acquire('holder');
  const { signal, cancel } = cancellation();
  const waiting = worker.acquire('waiter', {}, { signal });
  waiting.catch(() => undefined);
  while ((await worker.look()).waiters.length === 0) await sleep(5);
  cancel();
  await assert.rejects(waiting, /CANCELLED/);
  assert.deepEqual(await keys(), [held.key]);
});

test('a release frees the own lock only, and of what is missing it only warns', async () => {
  const one = await worker.acquire('one', { concurrency: 2 });
  const two = await worker.acquire('two', { concurrency: 2 });
  assert.deepEqual(await worker.release('one', one), { released: true });
  assert.deepEqual(await keys(), [two.key]);
  await server.ctl('lease', 'revoke', BigInt(one.leaseId).toString(16)); // as who keeps it does
  assert.deepEqual(await worker.release('one', one), { released: false });
  assert.equal(
    worker.log.lines.at(-1),
    'WARN Lock for key /spicerack/locks/custom/x and ID one not found. Unable to release it. It expired, or somebody removed it.',
  );
  assert.deepEqual(await keys(), [two.key]);
});

test('a release that does not know the lease finds the own holder and the own place', async () => {
  const held = await worker.acquire('holder');
  const { signal, cancel } = cancellation();
  const waiting = worker.acquire('waiter', {}, { signal });
  waiting.catch(() => undefined);
  while ((await worker.look()).waiters.length === 0) await sleep(5);
  await worker.release('waiter');
  await worker.release('nobody');
  assert.deepEqual(
    (await worker.look()).waiters.filter(({ run }) => run !== 'waiter'),
    [],
  );
  assert.ok((await keys()).includes(held.key));
  await worker.release('holder');
  cancel();
  await waiting.catch(() => undefined);
  await worker.release('waiter');
  assert.deepEqual(await keys(), []);
});

test('a key written by hand counts as an exclusive holder', async () => {
  await server.ctl('put', '/spicerack/locks/custom/x/maintenance', 'hands off');
  assert.match((await worker.look('x', 5)).blocked ?? '', /unreadable key \/spicerack\/locks\/custom\/x\/maintenance/);
});

test('bad names and terms are refused before etcd is asked', async () => {
  for (const [input, text] of [
    [{ name: '' }, /the name of a lock is empty/],
    [{ name: 'a/b' }, /may not contain '\/': 'a\/b'/],
    [{ kind: 'modules', name: 'dhcp' }, /begins with 'spicerack\.', not 'dhcp'/],
    [{ concurrency: -1 }, /concurrency of lock 'x' is -1/],
    [{ ttlSeconds: 0 }, /ttl of lock 'x' is 0 s/],
  ] as const)
    await assert.rejects(
      worker.acquire('run', input),
      (error) => isOpsError(error) && error.code === 'InvalidLock' && text.test(error.message),
    );
});
