import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Progress } from '../../../src/remote/progress.ts';
import { callOf } from '../../support/call.ts';

const hosts = ['a1', 'a2', 'a3'];

/** Attempts of one activity that share a steady clock; `cut` is what a killed worker leaves of its last heartbeat. */
function attempts() {
  let elapsed = 0;
  let details: Record<string, unknown> | undefined;
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
            heartbeat: (value) => (details = value as Record<string, unknown>),
          },
        ),
      ),
  };
}

test('what an attempt that ended has not sent was not started, what it has sent may have been', () => {
  const { pass, next } = attempts();
  const first = next();
  first.begin(0, hosts);
  pass(5);
  first.sent.add('a1');
  first.end();
  first.away(['a2']);
  pass(20);
  const second = next();
  second.begin(0, hosts);
  second.end();
  assert.deepEqual(
    hosts.map((host) => second.sinceSeconds(host)),
    [25, 0, 0],
  );
});

test('after an attempt that was cut short every command may have been started, as its last heartbeats may be missing', () => {
  const { pass, next } = attempts();
  const first = next();
  first.begin(0, hosts);
  clearBeats(first);
  pass(20);
  const second = next();
  second.begin(0, hosts);
  assert.deepEqual(
    hosts.map((host) => second.sinceSeconds(host)),
    [20, 20, 20],
  );
  second.end();
  pass(10);
  // And it stays so, although the second attempt ended.
  const third = next();
  third.begin(0, hosts);
  assert.equal(third.sinceSeconds('a2'), 30);
  third.end();
  third.begin(1, hosts);
  assert.equal(third.sinceSeconds('a2'), 0);
  third.end();
});

test('a worker whose clock jumps an hour neither forgets how long a command may run nor makes it older', () => {
  mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 0, 2) });
  try {
    for (const jump of [-3_600_000, 3_600_000]) {
      const { pass, next } = attempts();
      const first = next();
      first.begin(0, hosts);
      first.sent.add('a1');
      first.end();
      mock.timers.setTime(Date.now() + jump);
      pass(7);
      const second = next();
      second.begin(0, hosts);
      second.end();
      assert.deepEqual([second.sinceSeconds('a1'), second.sinceSeconds('a2'), second.away(['a3'])], [7, 0, 0]);
      pass(4);
      assert.equal(second.away(['a3']), 0);
    }
  } finally {
    mock.timers.reset();
  }
});

/** Ends the beats as a kill would, with no last one. */
function clearBeats(progress: Progress): void {
  const { mock: beat } = mock.method(progress, 'beat', () => undefined);
  progress.end();
  beat.restore();
}
