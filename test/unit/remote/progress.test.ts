import fc from 'fast-check';
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { pack, unpackNumbers } from '../../../src/remote/packed.ts';
import { Progress, states } from '../../../src/remote/progress.ts';
import { callOf } from '../../support/call.ts';

test('numbers are packed and unpacked', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(fc.nat(4095), { maxLength: 200 }), (bits, numbers) => {
      const small = numbers.map((number) => number % 2 ** bits);
      assert.deepEqual(unpackNumbers(pack(small, bits), small.length, bits), small);
    }),
  );
});

test('a heartbeat for 1,000 hosts is below 2 KiB, whatever they are called', () => {
  let most = 0;
  const call = callOf({}, { heartbeat: (details) => (most = Math.max(most, JSON.stringify(details).length)) });
  const hosts = Array.from(
    { length: 1000 },
    (_, i) => `${'x'.repeat(200)}-${(i * 7919) % 100_003}-${'y'.repeat(i % 40)}`,
  );
  const progress = new Progress(call, hosts, 15, 'async', true);
  for (const [i, host] of hosts.entries()) {
    progress.sent(host, i % 15);
    if (i % 3 === 0) progress.ended(host, i % 15, i % 2 === 0 ? states.ok : states.failed);
    if (i % 5 === 0) progress.away(host, `${host} cannot be reached: ${'z'.repeat(3000)}`);
  }
  progress.end(false);
  assert.ok(most > 1000 && most < 2048, String(most));
});

test('what ends at once sends no heartbeat, and then all may have been started for whoever comes next', () => {
  const beats: unknown[] = [];
  const first = new Progress(callOf({}, { heartbeat: (value) => beats.push(value) }), ['a'], 1, 'sync', true);
  first.sent('a', 0);
  first.end(true);
  assert.deepEqual(beats, []);
  const second = new Progress(callOf({}, { attempt: 2, elapsedMs: () => 7000 }), ['a'], 1, 'sync', true);
  second.end(true);
  assert.equal(second.sinceSeconds('a', 0), 7);
});

test('the next attempt knows what has ended, what may run and what never began', () => {
  let details: unknown;
  const hosts = ['a', 'b', 'c', 'd', 'e', 'f'];
  const first = new Progress(callOf({}, { heartbeat: (value) => (details = value) }), hosts, 3, 'async', true);
  first.sent('a', 0);
  first.ended('a', 0, states.ok);
  first.sent('a', 1);
  first.sent('b', 0);
  first.ended('b', 0, states.failed);
  for (const command of [0, 1, 2]) {
    first.sent('c', command);
    first.ended('c', command, states.ok);
  }
  first.away('d', 'd cannot be reached');
  first.givenUp('e');
  first.end(false);
  const next = new Progress(callOf({}, { resumed: structuredClone(details) }), hosts, 3, 'async', true);
  next.end(false);
  const { fresh, running, ok, failed, away, givenUp } = states;
  assert.deepEqual(
    hosts.map((host) => next.beforeAll(host)),
    [running, failed, ok, away, givenUp, fresh],
  );
  assert.deepEqual(
    hosts.map((host) => [0, 1, 2].map((command) => next.before(host, command))),
    [
      [ok, running, fresh],
      [failed, fresh, fresh],
      [ok, ok, ok],
      [away, fresh, fresh],
      [givenUp, fresh, fresh],
      [fresh, fresh, fresh],
    ],
  );
  assert.deepEqual(
    hosts.map((host) => next.sinceSeconds(host, 0) > 0),
    [true, true, true, false, false, false],
  );
  assert.deepEqual([next.wasSent('a', 1), next.wasSent('a', 2)], [true, false]);
});

/** Attempts of one activity that share a steady clock. */
function attempts() {
  let elapsed = 0;
  let details: unknown;
  let attempt = 0;
  return {
    pass: (seconds: number) => (elapsed += seconds * 1000),
    next: () =>
      new Progress(
        callOf(
          {},
          {
            attempt: ++attempt,
            elapsedMs: () => elapsed,
            resumed: structuredClone(details),
            heartbeat: (value) => (details = value),
          },
        ),
        three,
        2,
        'sync',
        true,
      ),
  };
}
const three = ['a1', 'a2', 'a3'];
const since = (progress: Progress) => three.map((host) => progress.sinceSeconds(host, 0));

test('what an attempt that ended has not sent was not started, what it has sent may have been', () => {
  const { pass, next } = attempts();
  const first = next();
  pass(5);
  first.sent('a1', 0);
  first.away('a2', 'away');
  first.end(false);
  pass(20);
  const second = next();
  second.end(false);
  assert.deepEqual(since(second), [20, 0, 0]);
});

test('after an attempt that was cut short every command may have been started, as its last heartbeats may be missing', () => {
  const { pass, next } = attempts();
  next().end(true);
  pass(20);
  const second = next();
  assert.deepEqual(since(second), [20, 20, 20]);
  second.end(false);
  pass(10);
  // And it stays so, although the second attempt ended.
  const third = next();
  assert.deepEqual(since(third), [30, 30, 30]);
  third.end(false);
});

test('a worker whose clock jumps an hour neither forgets how long a command may run nor makes it older', () => {
  mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 0, 2) });
  try {
    for (const jump of [-3_600_000, 3_600_000]) {
      const { pass, next } = attempts();
      const first = next();
      first.sent('a1', 0);
      first.end(false);
      mock.timers.setTime(Date.now() + jump);
      pass(7);
      const second = next();
      second.end(false);
      assert.deepEqual(since(second), [7, 0, 0]);
      assert.equal(second.away('a3', 'away'), 0);
      pass(4);
      assert.equal(second.away('a3', 'away'), 4000);
    }
  } finally {
    mock.timers.reset();
  }
});
