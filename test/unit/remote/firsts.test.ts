import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Progress, states } from '../../../src/remote/progress.ts';
import { Firsts } from '../../../src/remote/firsts.ts';
import { Window } from '../../../src/remote/window.ts';
import { callOf } from '../../support/call.ts';

const names = (count: number) => Array.from({ length: count }, (_, i) => `h${i}`);

test('in a batch no host is taken for untouched that an attempt which was cut short had started', () => {
  const run = fc.record({
    hosts: fc.integer({ min: 1, max: 30 }),
    size: fc.integer({ min: 1, max: 5 }),
    allowed: fc.nat(3),
    told: fc.nat(20),
    // Who ends next, whether it was started, and how it ended.
    ends: fc.array(fc.record({ who: fc.nat(), started: fc.boolean(), ok: fc.boolean() }), { maxLength: 30 }),
    later: fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
  });
  let sure = 0;
  fc.assert(
    fc.property(run, ({ hosts, size, allowed, told, ends, later }) => {
      const all = names(hosts);
      const started = new Set<string>();
      const known = new Map<string, boolean>();
      const before = new Window({ pending: all, size, allowed, strict: true });
      const under = before.take(0);
      for (const [i, { who, started: begun, ok }] of ends.entries()) {
        if (under.length === 0) break;
        const [host = ''] = under.splice(who % under.length, 1);
        if (begun) started.add(host);
        const well = begun && ok;
        before.end(host, well, 0);
        if (i < told) known.set(host, well);
        under.push(...before.take(0));
      }
      // Of those under way at the end some had been started.
      for (const [i, host] of under.entries()) if ((later[i] ?? 0) % 2 === 0) started.add(host);

      const pending = all.filter((host) => !known.has(host));
      const failed = [...known.values()].filter((ok) => !ok).length;
      const window = new Window({ pending, size, allowed, strict: true, ended: known.size, failed });
      const firsts = new Firsts(size + allowed);
      const now: string[] = [];
      const take = () => {
        for (const host of window.take(0)) {
          firsts.turn(host, 0);
          if (firsts.isSure(host, 0)) {
            sure++;
            assert.ok(!started.has(host), host);
          }
          now.push(host);
        }
      };
      take();
      for (const who of later) {
        if (now.length === 0) break;
        const [host = ''] = now.splice(who % now.length, 1);
        if (!started.has(host)) firsts.started(host, 0);
        window.end(host, true, 0);
        take();
      }
    }),
    { numRuns: 1000 },
  );
  assert.ok(sure > 1000, String(sure));
});

test('what an attempt was the first to start makes it sure of what comes after, and of nothing else', () => {
  const hosts = names(6);
  let elapsed = 100_000;
  const call = callOf({}, { attempt: 2, elapsedMs: () => elapsed });
  const progress = new Progress(call, hosts, 2, 'sync', true, 2);
  try {
    const turn = (host: string, command: number) => {
      progress.firsts.turn(host, command);
      return progress.sinceSeconds(host, command);
    };
    assert.deepEqual([turn('h0', 0), turn('h1', 0), turn('h2', 0)], [100, 100, 100]);
    progress.sent('h0', 0);
    progress.firsts.started('h0', 0);
    progress.ended('h0', 0, states.ok);
    progress.firsts.started('h0', 0);
    assert.equal(turn('h3', 0), 100);
    progress.firsts.started('h1', 0);
    elapsed += 7_200_000;
    assert.equal(turn('h4', 0), 0);
    progress.sent('h4', 0);
    elapsed += 5000;
    // Its own sending counts; whose turn came before stays unsure; what follows on a host it began on is sure.
    assert.deepEqual([progress.sinceSeconds('h4', 0), progress.sinceSeconds('h2', 0)], [5, 7305]);
    assert.deepEqual([turn('h0', 1), turn('h4', 1), turn('h2', 1)], [0, 0, 0]);
    assert.equal(progress.sinceSeconds('h2', 0), 7305);
  } finally {
    progress.end(false);
  }
});
