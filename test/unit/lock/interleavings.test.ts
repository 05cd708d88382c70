import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acquire } from '../../../src/locks/acquire.ts';
import { release } from '../../../src/locks/release.ts';
import type { LockRecord } from '../../../src/locks/record.ts';
import { ModelEtcd, type Gate } from './model-etcd.ts';

interface Contender {
  concurrency: number;
  /** After how many gates its first worker dies; none when it lives. */
  diesAfter: number | undefined;
  /** Whether another attempt follows, or its leases just end. */
  comesBack: boolean;
}

const contender = fc.record({
  concurrency: fc.constantFrom(0, 1, 1, 2, 3),
  diesAfter: fc.option(fc.integer({ min: 0, max: 14 }), { nil: undefined }),
  comesBack: fc.boolean(),
});

const dead = new Error('the worker died');

/** Runs the contenders in the order the scheduler says, and checks after each change that nobody is in who may not. */
async function play(scheduler: fc.Scheduler, contenders: readonly Contender[]): Promise<void> {
  const store = new ModelEtcd();
  let queue: string[] = [];
  let inside: string[] = [];
  store.onChange = () => {
    const entries = [...store.entries.values()].sort((a, b) => Number(a.revision) - Number(b.revision));
    const holders = entries.filter(({ key }) => key.startsWith('/spicerack/locks/'));
    const limits = holders
      .map(({ value }) => (JSON.parse(value) as LockRecord).concurrency)
      .filter((limit) => limit > 0);
    assert.ok(
      holders.length <= Math.min(Infinity, ...limits),
      `${holders.length} holders where ${String(limits)} are allowed`,
    );
    const runs = holders.map(({ key }) => key.slice(key.lastIndexOf('/') + 1));
    for (const entered of runs.filter((run) => !inside.includes(run)))
      assert.equal(queue[0] ?? entered, entered, 'somebody was let in before who came first');
    inside = runs;
    queue = entries.flatMap(({ key }) =>
      key.startsWith('/spicerack/waiting/') ? [key.slice(key.lastIndexOf('/') + 1)] : [],
    );
  };

  const done = contenders.map(async ({ concurrency, diesAfter, comesBack }, number) => {
    const run = `run${number}`;
    const lock = { kind: 'custom' as const, name: 'x', run };
    const record = { concurrency, created: '', owner: run, ttl: 60, run };
    const attempt = async (gate: Gate, again: boolean) => {
      const client = store.client(gate);
      const waiting = { until: Infinity, signal: new AbortController().signal, again, blocked: () => undefined };
      const { lease } = await acquire(client, lock, record, waiting);
      await gate('body');
      await release(client, lock, lease);
    };
    const live: Gate = (what) => scheduler.schedule(Promise.resolve(), `${run}: ${what}`);
    let left = diesAfter ?? Infinity;
    const mortal: Gate = async (what) => {
      if (left-- <= 0) throw dead;
      await live(what);
    };
    try {
      await attempt(mortal, false);
    } catch (error) {
      if (error !== dead) throw error;
      if (comesBack) await attempt(live, true);
      else {
        await live('its leases end');
        const leases = [...store.entries.values()]
          .filter(({ key }) => key.endsWith(`/${run}`))
          .map(({ lease }) => lease);
        for (const lease of new Set(leases)) store.expire(lease);
      }
    }
  });
  await scheduler.waitFor(Promise.all(done));
  const left = [...store.entries.keys()].filter((key) => !key.startsWith('/spicerack/released/'));
  assert.deepEqual(left, [], 'something was left behind');
}

void test('no order of requests, deaths and returns lets in more than the strictest holder bears, or out of turn, or nobody', async () => {
  const property = fc.asyncProperty(fc.scheduler(), fc.array(contender, { minLength: 2, maxLength: 6 }), play);
  await fc.assert(property, { numRuns: 300 });
});
