import { ApplicationFailure, defaultPayloadConverter } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { converge, long, type ActivityDefinition, type Call } from '../../../activities/define.ts';
import type { LockHeld } from '../../../activities/locks.ts';
import { confirmHeld } from '../../../src/locks/confirm.ts';
import { GivenUp, isOpsError, messageOf } from '../../../src/model/errors.ts';
import { fencesHeader, type Fence } from '../../../src/model/fence.ts';
import { contextHeader } from '../../../src/model/run.ts';
import { contextInterceptor, temporalActivities } from '../../../src/worker/activities.ts';
import type { Deps } from '../../../src/worker/deps.ts';
import { LogLines } from '../../support/activity.ts';
import { callOf } from '../../support/call.ts';
import { Actor, etcdForTests } from './actors.ts';

const { server, worker } = await etcdForTests();

const fenceOf = (held: LockHeld, name: string): Fence => ({
  kind: 'custom',
  names: [name],
  holder: held.key.slice(held.key.lastIndexOf('/') + 1),
  lease: held.leaseId,
  number: held.revision,
  concurrency: 1,
});

const isLoss = (key: string) => (error: unknown) =>
  isOpsError(error) && error.code === 'LockLost' && error.kind === 'failed' && error.facts['key'] === key;

const { signal } = new AbortController();
/** A worker that has neither taken nor kept the lock. */
const stranger = new Actor(server);
after(() => stranger.etcd.close());

/** How a promise has ended so far. */
function watched(work: Promise<unknown>): { readonly state: string } {
  const seen = { state: 'open' };
  work.then(
    () => (seen.state = 'done'),
    (error: unknown) => (seen.state = messageOf(error)),
  );
  return seen;
}

test('an effect is refused as soon as one of its locks is gone, or somebody else has it', async () => {
  const [a, b] = [await worker.acquire('run', { name: 'a' }), await worker.acquire('run', { name: 'b' })];
  const fences = [fenceOf(a, 'a'), fenceOf(b, 'b')];
  await confirmHeld(worker.etcd, fences, signal);
  await server.ctl('lease', 'revoke', BigInt(b.leaseId).toString(16));
  await assert.rejects(confirmHeld(worker.etcd, fences, signal), isLoss(b.key));
  const again = await worker.acquire('run', { name: 'b' });
  await assert.rejects(confirmHeld(worker.etcd, fences, signal), isLoss(b.key), 'the same run, with a later lease');
  await confirmHeld(worker.etcd, [fenceOf(again, 'b')], signal);
});

test('while etcd does not answer, an effect starts where the lease is known to live, and waits elsewhere', async () => {
  const fences = [fenceOf(await worker.acquire('run', { name: 'c' }), 'c')];
  server.freeze(true);
  let elsewhere: { readonly state: string };
  let asked: Promise<void>;
  try {
    asked = confirmHeld(stranger.etcd, fences, signal);
    elsewhere = watched(asked);
    await confirmHeld(worker.etcd, fences, signal);
    await sleep(3000); // longer than an answer is waited for
    assert.equal(elsewhere.state, 'open');
  } finally {
    server.freeze(false);
  }
  await asked;
  server.freeze(true);
  try {
    await confirmHeld(stranger.etcd, fences, signal);
  } finally {
    server.freeze(false);
  }
});

test('an effect does not start while its lease may be over', { timeout: 60_000 }, async () => {
  const held = await worker.acquire('run', { name: 'g', ttlSeconds: 2 });
  server.freeze(true);
  let asked: Promise<void>;
  try {
    while (worker.etcd.lifeOf(held.leaseId).leftMs > 0) await sleep(50);
    asked = confirmHeld(worker.etcd, [fenceOf(held, 'g')], signal);
    const late = watched(asked);
    await sleep(3000);
    assert.equal(late.state, 'open');
  } finally {
    server.freeze(false);
  }
  await asked.catch((error: unknown) => assert.ok(isLoss(held.key)(error), messageOf(error)));
});

test(
  'an etcd that stays away keeps what is not known to be held from starting, for another attempt',
  { timeout: 90_000 },
  async () => {
    const fences = [fenceOf(await worker.acquire('run', { name: 'h' }), 'h')];
    const fresh = new Actor(server);
    server.freeze(true);
    try {
      await assert.rejects(
        confirmHeld(fresh.etcd, fences, signal),
        (error) =>
          isOpsError(error) &&
          error.code === 'LOCK_UNCONFIRMED' &&
          error.kind === 'transient' &&
          /custom\/h\/run is still held; this was not started/.test(error.message),
      );
      await assert.rejects(confirmHeld(fresh.etcd, fences, AbortSignal.timeout(100)), /aborted/);
    } finally {
      server.freeze(false);
      await fresh.etcd.close();
    }
  },
);

/** Has a worker perform an activity under a lock. */
async function perform(
  body: ActivityDefinition<never, unknown>,
  fence: Fence,
  attempt = 1,
  deps: Partial<Deps> = { etcd: worker.etcd },
) {
  const activities = temporalActivities({ act: body }, deps as Deps);
  const environment = new MockActivityEnvironment({ attempt }, { logger: new LogLines() });
  const headers = {
    [contextHeader]: defaultPayloadConverter.toPayload(callOf({}).context),
    [fencesHeader]: defaultPayloadConverter.toPayload([fence]),
  };
  return environment.run(async () => {
    const intercept = contextInterceptor(environment.context).inbound?.execute?.bind(undefined);
    const act = activities['act'] as (input: unknown) => Promise<unknown>;
    return intercept?.({ args: [], headers }, () => act({}));
  });
}

test('the worker asks before each effect; a later attempt at what may go on elsewhere only ends it', async () => {
  const held = await worker.acquire('run', { name: 'd' });
  const fence = fenceOf(held, 'd');
  const did: string[] = [];
  const act = async (_: unknown, call: Call) => {
    did.push(call.signal.aborted ? 'ended' : 'done');
    call.signal.throwIfAborted();
  };
  await perform(converge(act), fence);
  await perform(long(act), fence);
  await perform(long(act), fence, 2);
  await server.ctl('del', held.key);
  const refused = /^ApplicationFailure: lost the lock .*; this was not started$/;
  for (const attempt of [1, 2]) await assert.rejects(perform(converge(act), fence, attempt), refused);
  await assert.rejects(perform(long(act), fence), refused);
  assert.deepEqual(did, ['done', 'done', 'done']);
  await assert.rejects(perform(long(act), fence, 2), refused);
  assert.deepEqual(did, ['done', 'done', 'done', 'ended']);
});

test('a worker without etcd starts nothing that is under a lock', async () => {
  const held = await worker.acquire('run', { name: 'off' });
  const never = () => assert.fail('it was started');
  const off = /act takes place under the lock off, but locking is off on this worker/;
  await assert.rejects(perform(converge(never), fenceOf(held, 'off'), 1, {}), off);
  await assert.rejects(perform(long(never), fenceOf(held, 'off'), 2, {}), off);
});

test('what had come out of what a lost lock ends is told', { timeout: 60_000 }, async () => {
  const held = await worker.acquire('run', { name: 'k', ttlSeconds: 4 });
  const act = async (_: unknown, call: Call) => {
    await server.ctl('del', held.key);
    await once(call.signal, 'abort');
    throw new GivenUp('ended', { rows: 'half of it' });
  };
  await assert.rejects(perform(long(act), fenceOf(held, 'k')), (error) => {
    assert.ok(error instanceof ApplicationFailure);
    assert.equal(error.type, 'LockLost');
    assert.deepEqual((error.details?.[0] as { result: unknown }).result, { rows: 'half of it' });
    return true;
  });
  // However long etcd was to keep its lease.
  assert.equal(worker.etcd.lifeOf(held.leaseId).leftMs, 0);
});

test('what takes long is ended on its own worker when its lock is lost', { timeout: 60_000 }, async () => {
  const held = await worker.acquire('run', { name: 'e', ttlSeconds: 4 });
  const act = async (_: unknown, call: Call) => {
    await server.ctl('del', held.key);
    await once(call.signal, 'abort');
    call.signal.throwIfAborted();
  };
  await assert.rejects(
    perform(long(act), fenceOf(held, 'e')),
    /lost the lock \S+custom\/e\/run: its key is gone .*; this was ended/,
  );
});

test('what takes long is ended when nobody has heard of its lease for its time', { timeout: 60_000 }, async () => {
  const held = await worker.acquire('run', { name: 'f', ttlSeconds: 4 });
  const began = performance.now();
  const act = async (_: unknown, call: Call) => {
    server.freeze(true);
    await once(call.signal, 'abort');
    call.signal.throwIfAborted();
  };
  try {
    await assert.rejects(
      perform(long(act), fenceOf(held, 'f')),
      /lost the lock \S+custom\/f\/run: etcd was away for as long as its lease lives; this was ended/,
    );
    assert.ok(performance.now() - began > 1500, 'it was trusted for as long as the lease lived');
  } finally {
    server.freeze(false);
  }
});
