import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOpsError } from '../../src/model/errors.ts';
import { type RunSyncOptions, planOf } from '../../src/model/run-options.ts';

const plan = (options: Partial<RunSyncOptions>, total = 5) => planOf({ commands: ['true'], ...options }, total, 'sync');

test('what is not said is: all hosts, no rest, all have to succeed', () => {
  assert.deepEqual(plan({ timeout: '10s', commands: ['a', { command: 'b', timeout: 5, okCodes: [] }] }), {
    mode: 'sync',
    commands: [
      { command: 'a', timeoutMs: 10_000 },
      { command: 'b', timeoutMs: 5, okCodes: [] },
    ],
    batchSleepMs: 0,
    successThreshold: 1,
    failuresAllowed: 0,
  });
});

test('a batch is a number, at most all, or a percentage rounded half to even', () => {
  const size = (batchSize: number | `${number}%`, total: number) => plan({ batchSize }, total).batchSize;
  assert.equal(size(3, 5), 3);
  assert.equal(size(9, 5), 5);
  assert.deepEqual([size('50%', 5), size('50%', 7), size('50%', 3), size('30%', 5), size('100%', 5)], [2, 4, 2, 2, 5]);
});

test('the failures allowed are the most with which the threshold is met', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.nat(100), (total, percent) => {
      const { failuresAllowed } = plan({ successThreshold: percent / 100 }, total);
      assert.ok((total - failuresAllowed) / total >= percent / 100);
      assert.ok(failuresAllowed === total || (total - failuresAllowed - 1) / total < percent / 100);
    }),
  );
});

test('a value that cannot be is refused with its name, itself and the way out', () => {
  const cases: [Partial<RunSyncOptions>, RegExp][] = [
    [{ batchSize: 0 }, /^batchSize: 0 is neither a whole number from 1 nor a percentage/],
    [{ batchSize: 1.5 }, /^batchSize: 1.5 /],
    [{ batchSize: '101%' }, /^batchSize: "101%" /],
    [{ batchSize: 'x%' as '1%' }, /^batchSize: "x%" /],
    [{ batchSize: '5%' }, /^batchSize: "5%" of 5 hosts is no host: give a number, or a larger percentage$/],
    [{ batchSleep: 'long' }, /^batchSleep: "long" is not a length of time: write for example/],
    [{ successThreshold: 90 }, /^successThreshold: 90 is not a number from 0 to 1, such as 0.9/],
    [{ successThreshold: Number.NaN }, /^successThreshold: /],
    [{ globalTimeout: 0 }, /^globalTimeout: 0 is no time at all: leave it out for none$/],
    [{ timeout: '0s' }, /^timeout: "0s" is no time/],
    [{ patience: '500d' }, /^patience: "500d" is longer than 365d$/],
    [{ okCodes: [256] }, /^okCodes: 256 is not an exit status/],
    [{ mode: 'serial' as 'sync' }, /^mode: "serial" is neither 'sync' nor 'async'$/],
    [{ commands: [] }, /^commands are none: give at least one$/],
    [{ commands: [' '] }, /^commands: " " is an empty command$/],
  ];
  for (const [options, message] of cases)
    assert.throws(
      () => plan(options),
      (error) => isOpsError(error) && error.code === 'OPTION_INVALID' && message.test(error.message),
      JSON.stringify(options),
    );
});

test('a threshold that is a quotient of hosts allows exactly the rest of them to fail', () => {
  for (let total = 1; total <= 200; total++)
    for (let failures = 0; failures <= total; failures++) {
      const options = { commands: ['true'], successThreshold: (total - failures) / total };
      assert.equal(planOf(options, total, 'sync').failuresAllowed, failures, `${failures} of ${total}`);
    }
});
