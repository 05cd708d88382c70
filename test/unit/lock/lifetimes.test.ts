import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lifetimes } from '../../../src/locks/lifetimes.ts';

test('a lease lives for its time from when it was asked for, and not at all once it is over or unknown', (t) => {
  let now = 1000;
  t.mock.method(performance, 'now', () => now);
  const lives = new Lifetimes();
  assert.deepEqual(lives.of('a'), { leftMs: 0, ttlMs: 0 });
  lives.note('a', 400, 2);
  lives.note('b', 900, 10);
  assert.deepEqual(lives.of('a'), { leftMs: 1400, ttlMs: 2000 });
  now = 2400;
  assert.equal(lives.of('a').leftMs, 0);
  assert.equal(lives.of('b').leftMs, 8500);
  lives.note('a', 2300, 2);
  assert.equal(lives.of('a').leftMs, 1900);
  lives.note('b', 2400, 0);
  assert.deepEqual(lives.of('b'), { leftMs: 0, ttlMs: 0 });
  lives.end('a');
  lives.note('a', 2400, 2); // an answer that was under way
  assert.equal(lives.of('a').leftMs, 0);
});
