import assert from 'node:assert/strict';
import { test } from 'node:test';
import { breakLock, brokenKey } from '../../../src/locks/break.ts';
import { listLocks } from '../../../src/locks/list.ts';
import { etcdForTests } from './actors.ts';

const { server, worker } = await etcdForTests();

const why = 'bob@desk [break-lock/1]: stuck';
const brokenOf = (held: { key: string; leaseId: string; revision: string }) => ({ ...held, lease: held.leaseId });

test('a second attempt finds the lock broken, another one is told that it is too late', async () => {
  const held = await worker.acquire('run');
  const kept = worker.keep('run', held, 60);
  kept.catch(() => undefined);
  assert.equal(await breakLock(worker.etcd, brokenOf(held), why), true);
  assert.equal(await breakLock(worker.etcd, brokenOf(held), why), true);
  assert.equal(await breakLock(worker.etcd, brokenOf(held), 'carol@desk [break-lock/2]: me too'), false);
  await assert.rejects(
    kept,
    /^OpsError: lost the lock \/spicerack\/locks\/custom\/x\/run: broken by bob@desk \[break-lock\/1\]: stuck$/,
  );
});

test('who keeps a lock only later learns all the same that it was broken', async () => {
  const held = await worker.acquire('late');
  await breakLock(worker.etcd, brokenOf(held), why);
  await assert.rejects(worker.keep('late', held, 60, { attempt: 2 }), /broken by bob@desk/);
  assert.equal((await server.ctl('get', brokenKey(held.leaseId), '--print-value-only')).trim(), why);
});

test('the same run that holds the lock anew, or who came after it, loses nothing', async () => {
  const held = await worker.acquire('run');
  await worker.release('run', held);
  const again = await worker.acquire('run');
  assert.equal(await breakLock(worker.etcd, brokenOf(held), why), false);
  const { locks } = await listLocks(worker.etcd);
  assert.deepEqual(
    locks.map(({ key, holders, waiters }) => [key, holders.map(({ revision }) => revision), waiters]),
    [['/spicerack/locks/custom/x', [again.revision], []]],
  );
  await worker.release('run', again);
});
