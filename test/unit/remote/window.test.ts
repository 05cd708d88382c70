import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Window, type WindowOptions, slide } from '../../../src/remote/window.ts';

const names = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `h${from + i}`);

/** Lets a window run against a clock of its own; each host takes its time and fails or not. */
function simulate(options: WindowOptions, took: (host: string) => number, fails: (host: string) => boolean) {
  const window = new Window(options);
  const under = new Map<string, number>();
  const starts: { host: string; at: number; failed: number }[] = [];
  const ends: { host: string; at: number }[] = [];
  let [now, most] = [0, 0];
  for (let turn = 0; turn < 10_000; turn++) {
    for (const host of window.take(now)) {
      assert.ok(!under.has(host), `${host} twice`);
      starts.push({ host, at: now, failed: window.failed });
      under.set(host, now + took(host));
    }
    most = Math.max(most, under.size);
    if (window.over) return { starts, ends, most, failed: window.failed };
    const next = Math.min(...under.values(), window.wakeAt ?? Infinity);
    assert.ok(Number.isFinite(next), 'nothing is under way, and nothing starts');
    now = Math.max(now, next);
    for (const [host, until] of [...under])
      if (until <= now) {
        under.delete(host);
        ends.push({ host, at: now });
        window.end(host, !fails(host), now);
      }
  }
  throw new Error('it never ends');
}

test('never more at a time than the window holds, none starts once too many failed, and all that started end', () => {
  fc.assert(
    fc.property(
      fc.record({
        hosts: fc.array(fc.record({ ms: fc.nat(50), fails: fc.boolean() }), { minLength: 1, maxLength: 40 }),
        size: fc.integer({ min: 1, max: 50 }),
        allowed: fc.nat(40),
        restMs: fc.nat(30),
        running: fc.nat(5),
        strict: fc.boolean(),
      }),
      ({ hosts, size, allowed, restMs, running, strict }) => {
        const all = names(hosts.length);
        const of = (host: string) => hosts[Number(host.slice(1))] ?? { ms: 0, fails: false };
        const left = Math.min(running, size, all.length);
        const { starts, ends, most, failed } = simulate(
          { pending: all.slice(left), running: all.slice(0, left), size, allowed, restMs, strict },
          (host) => of(host).ms,
          (host) => of(host).fails,
        );
        assert.ok(most <= size);
        assert.deepEqual(ends.map(({ host }) => host).sort(), starts.map(({ host }) => host).sort());
        assert.deepEqual(
          starts.map(({ host }) => host),
          all.slice(0, starts.length),
        );
        for (const start of starts.slice(left)) assert.ok(start.failed <= allowed);
        if (starts.length < all.length) assert.ok(failed > allowed);
        // Whoever is not among the first starts a rest after somebody ended.
        const [began, ended] = [starts.map(({ at }) => at), ends.map(({ at }) => at + restMs)];
        for (const [i, at] of began.entries())
          if (i >= size) assert.ok(ended.filter((end) => end <= at).length > i - size);
      },
    ),
  );
});

test('with one at a time and no failure allowed, the first failure is the last host', () => {
  const { starts } = simulate(
    { pending: names(5), size: 1, allowed: 0, restMs: 10 },
    () => 5,
    (host) => host === 'h2',
  );
  assert.deepEqual(
    starts.map(({ host, at }) => [host, at]),
    [
      ['h0', 0],
      ['h1', 15],
      ['h2', 30],
    ],
  );
});

test('a host that is away keeps its place in a batch, and nobody starts who could not if it had failed', () => {
  const window = new Window({ pending: names(4), size: 2, allowed: 0, strict: true });
  assert.deepEqual(window.take(0), ['h0', 'h1']);
  window.away('h0', true);
  window.end('h1', true, 1);
  assert.deepEqual(window.take(1), []);
  window.away('h0', false);
  assert.deepEqual(window.take(2), ['h2']);
  window.end('h0', true, 3);
  assert.deepEqual(window.take(3), ['h3']);
});

test('without a batch a host that is away gives its place to the next', () => {
  const window = new Window({ pending: names(3), size: 1, allowed: 0 });
  assert.deepEqual(window.take(0), ['h0']);
  window.away('h0', true);
  assert.deepEqual(window.take(1), ['h1']);
  window.end('h0', false, 2);
  window.end('h1', true, 3);
  assert.deepEqual(window.take(4), []);
  assert.ok(window.over);
});

test('a further attempt goes on with what runs, counts what failed, and rests no longer than was left', () => {
  const left = { pending: names(3, 2), running: ['h1'], size: 2, ended: 1, failed: 1, restMs: 1000 };
  const window = new Window({ ...left, allowed: 1, restsUntil: 400 });
  assert.deepEqual(window.take(0), ['h1']);
  assert.equal(window.wakeAt, 400);
  assert.deepEqual(window.take(400), ['h2']);
  assert.deepEqual(new Window({ ...left, allowed: 0 }).take(5000), ['h1']);
});

test('a mistake in what is done on a host comes out once all others have ended', async () => {
  const ended: string[] = [];
  const window = new Window({ pending: names(5), size: 2, allowed: 5 });
  const sliding = slide(
    window,
    () => performance.now(),
    async (host) => {
      await new Promise((resolve) => setTimeout(resolve, host === 'h1' ? 20 : 1));
      if (host === 'h0') throw new Error('mistake');
      ended.push(host);
      return true;
    },
  );
  await assert.rejects(sliding.ended, /mistake/);
  assert.deepEqual(ended, ['h1']);
});
