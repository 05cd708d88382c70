import assert from 'node:assert/strict';
import { test } from 'node:test';
import { triesWithin, tryAt } from '../../../src/locks/pace.ts';

test('half an hour is 27 tries with growing pauses, as in the original', () => {
  assert.equal(triesWithin(1755), 27);
  assert.deepEqual([0, 4.9, 5, 14.9, 15, 1755].map(tryAt), [
    { n: 1, pause: 5 },
    { n: 1, pause: 5 },
    { n: 2, pause: 10 },
    { n: 2, pause: 10 },
    { n: 3, pause: 15 },
    { n: 27, pause: 135 },
  ]);
  assert.deepEqual([0, 1, 5, 6].map(triesWithin), [1, 2, 2, 3]);
});
