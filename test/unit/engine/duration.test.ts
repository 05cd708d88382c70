import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatMs, toMs } from '../../../src/model/duration.ts';

test('lengths of time are read in every unit and in several', () => {
  const cases = { '500ms': 500, '90s': 90_000, '40m': 2_400_000, '4h': 14_400_000, '2d': 172_800_000 };
  for (const [text, ms] of Object.entries(cases)) assert.equal(toMs(text), ms, text);
  assert.equal(toMs('1h30m'), 5_400_000);
  assert.equal(toMs('1h 30m 5s'), 5_405_000);
  assert.equal(toMs('1.5h'), 5_400_000);
  assert.equal(toMs('0s'), 0);
  assert.equal(toMs(1234), 1234);
});

test('what is no length of time is refused with what was written and how to write it', () => {
  for (const wrong of ['', ' ', '5', 'soon', '-5s', '5 weeks', '1h30', 's', '1,5h', '5S', Number.NaN, -1, Infinity])
    assert.throws(() => toMs(wrong), {
      code: 'DURATION_INVALID',
      message: `'${wrong}' is not a length of time: write for example 90s, 40m, 4h or 1h30m`,
    });
});

test('lengths of time are printed in their two largest units', () => {
  const cases: [number, string][] = [
    [0, '0s'],
    [40, '0s'],
    [50, '0.1s'],
    [2500, '2.5s'],
    [9999, '10s'],
    [59_600, '1m'],
    [90_000, '1m30s'],
    [3_600_000, '1h'],
    [5_405_000, '1h30m'],
    [86_400_000 + 5000, '1d5s'],
  ];
  for (const [ms, text] of cases) assert.equal(formatMs(ms), text, String(ms));
});

test('what is printed reads as the same time, but for what its smaller unit cannot tell', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 30 * 86_400_000 }), (ms) => {
      const read = toMs(formatMs(ms));
      const lost = ms < 10_000 ? 50 : ms < 3_600_000 ? 500 : ms < 86_400_000 ? 60_000 : 3_600_000;
      assert.ok(Math.abs(read - ms) <= lost, `${ms} printed as ${formatMs(ms)}`);
    }),
  );
});
