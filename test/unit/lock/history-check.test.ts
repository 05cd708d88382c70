import assert from 'node:assert/strict';
import { test } from 'node:test';
import { earlyLosses, lateLosses, violationsOf, type Holding } from '../../crash/locks/check.ts';
import { holdingsOf, type Event } from '../../crash/locks/history.ts';

/** A holding from one time to another, of the exclusive lock x unless told otherwise. */
const held = (run: string, from: number, until: number, fence: number, more: Partial<Holding> = {}): Holding => ({
  lock: 'x',
  run,
  concurrency: 1,
  fence: BigInt(fence),
  asked: from,
  from,
  until,
  leaseEnds: until,
  keptFrom: from,
  effects: [],
  ...more,
});

const found = (holdings: Holding[], text: RegExp) => {
  const violations = violationsOf(holdings);
  assert.equal(violations.length, 1, violations.join('\n'));
  assert.match(violations[0] ?? '', text);
};

test('holders one after the other, and those of different locks, are in order', () => {
  assert.deepEqual(violationsOf([held('b', 10, 20, 2), held('a', 0, 10, 1), held('c', 5, 15, 3, { lock: 'y' })]), []);
});

test('two holders of an exclusive lock at a time are found, whoever came first', () => {
  const [first, second] = [held('a', 0, 10, 1), held('b', 9.9, 20, 2)];
  for (const holdings of [
    [first, second],
    [second, first],
  ])
    found(holdings, /^b, holder 2 of x, entered where 1 are allowed, beside a, holder 1 of x, until 0\.1 ms later$/);
});

test('an exclusive holder beside one who bears many is found, whoever came first', () => {
  const many = (run: string, from: number, fence: number) => held(run, from, 10, fence, { concurrency: 3 });
  found([many('a', 0, 1), many('b', 1, 2), held('c', 2, 10, 3)], /^c, .* entered where 1 are allowed, beside a,.*; b,/);
  found([held('c', 0, 10, 1), many('a', 2, 2)], /^a, .* entered where 1 are allowed/);
});

test('the strictest of those inside counts, and only as long as it is there', () => {
  const of = (run: string, from: number, until: number, fence: number, concurrency: number) =>
    held(run, from, until, fence, { concurrency });
  assert.deepEqual(violationsOf([of('a', 0, 9, 1, 3), of('b', 1, 9, 2, 3), of('c', 2, 9, 3, 3)]), []);
  found([of('a', 0, 9, 1, 3), of('b', 1, 9, 2, 3), of('c', 2, 9, 3, 2)], /^c, .* entered where 2 are allowed/);
  found([of('a', 0, 9, 1, 2), of('b', 1, 9, 2, 3), of('c', 2, 9, 3, 3)], /^c, .* entered where 2 are allowed/);
  assert.deepEqual(violationsOf([of('a', 0, 2, 1, 2), of('b', 1, 9, 2, 3), of('c', 2, 9, 3, 3)]), []);
  const unlimited = Array.from({ length: 30 }, (_, i) => of(`u${i}`, i, 100, i + 1, 0));
  assert.deepEqual(violationsOf(unlimited), []);
  found([...unlimited, of('a', 50, 60, 50, 5)], /^a, .* entered where 5 are allowed/);
});

test('who was late to see that it lost the lock is still inside', () => {
  found([held('a', 0, 10, 1, { leaseEnds: 5, lostAt: 10 }), held('b', 6, 8, 2)], /^b, .* entered where 1/);
});

test('a fencing number that is not greater than that of who got it before is found', () => {
  found([held('a', 0, 10, 7), held('b', 11, 20, 6)], /^b, holder 6 of x, has no greater .* than a, holder 7 of x,/);
  const overlapping = [held('a', 0, 10, 7, { concurrency: 0 }), held('b', 5, 20, 6, { concurrency: 0, asked: -1 })];
  assert.deepEqual(violationsOf(overlapping), []);
  found(
    [...overlapping, held('c', 8, 9, 7, { concurrency: 0, asked: -1 })],
    / holder 7 of x, has a fencing number that was given before$/,
  );
});

test('a holder that is refused within its time is found, one that comes too late is not', () => {
  const acts = (t: number) => ({ effects: [{ t, accepted: false }] });
  found([held('a', 0, 10, 1, acts(9))], /^a, .* was refused 1\.0 ms before its time was over$/);
  assert.deepEqual(violationsOf([held('a', 0, 10, 1, acts(11))]), []);
});

test('losses are told of in time, and not before their time', () => {
  const lost = (lostAt: number, more: Partial<Holding> = {}) =>
    [lateLosses, earlyLosses].flatMap((check) =>
      check([held('a', 0, 60_000, 1, { lostAt, leaseEnds: 60_000, ...more })], 100),
    );
  assert.deepEqual(lost(60_050), []);
  assert.match(lost(61_000)[0] ?? '', /^a, holder 1 of x, learned 1000 ms too late/);
  assert.match(lost(50_000)[0] ?? '', /^a, .* was lost 10000 ms before its lease was over$/);
  assert.deepEqual(lost(64_000, { keptFrom: 59_000 }), [], 'a worker that takes over may ask for five seconds');
});

test('a holding lasts until it is given back, lost, or its lease may be over, by when its renewal was asked for', () => {
  const begin: Event[] = [
    { t: 0, run: 'a', what: 'asks', lock: 'x', concurrency: 1, ttl: 5 },
    { t: 10, run: 'a', what: 'got', key: 'k', leaseId: '1', revision: '7', leaseFrom: 4 },
  ];
  const until = (...more: Event[]) => holdingsOf([...begin, ...more])[0]?.until;
  const renewed: Event = { t: 1020, run: 'a', what: 'renewed', from: 1000, details: undefined };
  assert.equal(until(), 5004);
  assert.equal(until(renewed), 6000);
  assert.equal(until(renewed, { t: 2000, run: 'a', what: 'gives' }), 2000);
  assert.equal(until(renewed, { t: 7000, run: 'a', what: 'gives' }), 6000);
  assert.equal(until({ t: 3000, run: 'a', what: 'lost', why: '' }, { t: 4000, run: 'a', what: 'gives' }), 3000);
  const late = holdingsOf([
    ...begin,
    { t: 20, run: 'a', what: 'gives' },
    { t: 30, run: 'a', what: 'lost', why: '' },
  ])[0];
  assert.ok(late?.until === 20 && late.lostAt === undefined, 'who gave it back loses nothing');
  assert.deepEqual(holdingsOf(begin.slice(0, 1)), [], 'who waits holds nothing');
});
