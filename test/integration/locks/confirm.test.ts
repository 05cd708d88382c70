import { defaultPayloadConverter } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { converge, long } from '../../../activities/define.ts';
import type { LockHeld } from '../../../activities/locks.ts';
import { confirmHeld } from '../../../src/locks/confirm.ts';
import { isOpsError } from '../../../src/model/errors.ts';
import { fencesHeader, type Fence } from '../../../src/model/fence.ts';
import { contextHeader } from '../../../src/model/run.ts';
import { contextInterceptor, temporalActivities } from '../../../src/worker/activities.ts';
import type { Deps } from '../../../src/worker/deps.ts';
import { LogLines } from '../../support/activity.ts';
import { callOf } from '../../support/call.ts';
import { etcdForTests } from './actors.ts';

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

test('an effect is refused as soon as one of its locks is gone, or somebody else has it', async () => {
  const [a, b] = [await worker.acquire('run', { name: 'a' }), await worker.acquire('run', { name: 'b' })];
  const fences = [fenceOf(a, 'a'), fenceOf(b, 'b')];
  await confirmHeld(worker.etcd, fences);
  await server.ctl('lease', 'revoke', BigInt(b.leaseId).toString(16));
  await assert.rejects(confirmHeld(worker.etcd, fences), isLoss(b.key));
  const again = await worker.acquire('run', { name: 'b' });
  await assert.rejects(confirmHeld(worker.etcd, fences), isLoss(b.key), 'the same run, with a later lease');
  await confirmHeld(worker.etcd, [fenceOf(again, 'b')]);
});

test('while etcd does not answer, who keeps the lock is believed', { timeout: 30_000 }, async () => {
  const fences = [fenceOf(await worker.acquire('run', { name: 'c' }), 'c')];
  server.freeze(true);
  try {
    await confirmHeld(worker.etcd, fences);
  } finally {
    server.freeze(false);
  }
});

test('the worker asks before each effect; a later attempt at what may go on reaches it all the same', async () => {
  const held = await worker.acquire('run', { name: 'd' });
  let done = 0;
  const act = async () => ++done;
  const activities = temporalActivities({ set: converge(act), start: long(act) }, { etcd: worker.etcd } as Deps);
  const perform = (name: string, attempt = 1) => {
    const environment = new MockActivityEnvironment({ attempt }, { logger: new LogLines() });
    const headers = {
      [contextHeader]: defaultPayloadConverter.toPayload(callOf({}).context),
      [fencesHeader]: defaultPayloadConverter.toPayload([fenceOf(held, 'd')]),
    };
    return environment.run(async () => {
      const intercept = contextInterceptor(environment.context).inbound?.execute?.bind(undefined);
      const body = activities[name] as (input: unknown) => Promise<unknown>;
      return intercept?.({ args: [], headers }, () => body({}));
    });
  };
  await perform('set');
  await perform('start');
  assert.equal(done, 2);
  await server.ctl('del', held.key);
  await assert.rejects(perform('set'), /^ApplicationFailure: lost the lock .*; this was not started$/);
  await assert.rejects(perform('start'), /lost the lock/);
  assert.equal(done, 2);
  await perform('start', 2);
  assert.equal(done, 3);
});
