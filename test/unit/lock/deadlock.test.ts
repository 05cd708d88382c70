import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admit } from '../../../src/locks/admission.ts';
import { circleOf, type Circle, type Contended } from '../../../src/locks/deadlock.ts';
import type { Party } from '../../../src/locks/record.ts';

let revision = 0;
const party = (key: string, concurrency: number, rest: Partial<Party>): Party => ({
  concurrency,
  created: '-',
  owner: key,
  ttl: 0,
  run: '',
  key,
  lease: '0',
  revision: String(++revision),
  ...rest,
});
const holder = (name: string, run: string, concurrency = 1) =>
  party(`/spicerack/locks/custom/${name}/${run}`, concurrency, { lease: `${name}:${run}` });
const waiter = (name: string, run: string, under: string[], concurrency = 1) =>
  party(`/spicerack/waiting/custom/${name}/${run}`, concurrency, { lease: `queue:${name}:${run}`, under });
const lock = (name: string, holders: Party[], waiters: Party[]): Contended => ({
  key: `/spicerack/locks/custom/${name}`,
  holders,
  waiters,
});
const runsOf = (circle: Circle | undefined) => circle?.way.map(({ key }) => key.slice(key.lastIndexOf('/') + 1));

test('of two that wait for each other the one that came last is told, and the other is not', () => {
  const first = waiter('b', 'one', ['a:one']);
  const last = waiter('a', 'two', ['b:two']);
  const locks = [lock('a', [holder('a', 'one')], [last]), lock('b', [holder('b', 'two')], [first])];
  assert.deepEqual(runsOf(circleOf(last.key, locks)), ['two', 'one']);
  assert.equal(circleOf(first.key, locks), undefined);
});

test('who waits behind a circle is not part of it', () => {
  const first = waiter('b', 'one', ['a:one']);
  const last = waiter('a', 'two', ['b:two']);
  const behind = waiter('a', 'three', ['c:three']);
  const locks = [lock('a', [holder('a', 'one')], [last, behind]), lock('b', [holder('b', 'two')], [first])];
  assert.equal(circleOf(behind.key, locks), undefined);
  assert.deepEqual(runsOf(circleOf(last.key, locks)), ['two', 'one']);
});

test('a counted lock leaves hope as long as one of its holders goes on', () => {
  const first = waiter('b', 'one', ['a:one']);
  const last = waiter('a', 'two', ['b:two'], 2);
  const b = lock('b', [holder('b', 'two')], [first]);
  const hopeful = [lock('a', [holder('a', 'one', 2), holder('a', 'free', 2)], [last]), b];
  assert.equal(circleOf(last.key, hopeful), undefined);
  const third = waiter('b', 'three', ['a:three']);
  const latest = { ...last, revision: String(++revision) };
  const hopeless = [
    lock('a', [holder('a', 'one', 2), holder('a', 'three', 2)], [latest]),
    { ...b, waiters: [first, third] },
  ];
  assert.deepEqual(runsOf(circleOf(latest.key, hopeless)), ['two', 'one']);
});

test('who came first in a queue stands in the way of who came later', () => {
  // `strict`, which keeps nothing, waits for both slots of a, of which `one` keeps one until `two`, behind it, has got on.
  const strict = waiter('a', 'strict', [], 1);
  const behind = waiter('a', 'two', ['b:two'], 2);
  const one = waiter('b', 'one', ['a:one']);
  const locks = [lock('a', [holder('a', 'one', 2)], [strict, behind]), lock('b', [holder('b', 'two')], [one])];
  assert.deepEqual(runsOf(circleOf(one.key, locks)), ['one', 'two']);
});

test('who waits behind a circle, by a slot of a counted lock, gets on once that is broken', () => {
  const three = waiter('c', 'three', ['a:three', 'd:three']);
  const one = waiter('b', 'one', ['a:one']);
  const four = waiter('d', 'four', ['c:four']);
  const me = waiter('a', 'me', ['b:me'], 2);
  const locks = [
    lock('a', [holder('a', 'one', 2), holder('a', 'three', 2)], [me]),
    lock('b', [holder('b', 'me')], [one]),
    lock('c', [holder('c', 'four')], [three]),
    lock('d', [holder('d', 'three')], [four]),
  ];
  assert.equal(circleOf(me.key, locks), undefined);
  assert.deepEqual(runsOf(circleOf(four.key, locks)), ['four', 'three']);
});

test('who undoes something stays, and who came before it gives up; of undos the last', () => {
  const worlds = (undo: boolean) => {
    const first = { ...waiter('b', 'one', ['a:one']), ...(undo && { undo }) };
    const last = { ...waiter('a', 'two', ['b:two']), undo: true };
    const locks = [lock('a', [holder('a', 'one')], [last]), lock('b', [holder('b', 'two')], [first])];
    return [first, last].map(({ key }) => runsOf(circleOf(key, locks)));
  };
  assert.deepEqual(worlds(false), [['one', 'two'], undefined]);
  assert.deepEqual(worlds(true), [undefined, ['two', 'one']]);
});

interface Wait {
  run: number;
  wants: number;
  concurrency: number;
}

/** Whether everybody gets on if who is let in goes on to its end, in any order. */
function getOn(holdings: Map<number, number[]>, waits: Wait[], limits: number[]): number[] {
  const held = new Map([...holdings].map(([run, names]) => [run, [...names]]));
  let left = waits;
  const ends = [...held.keys()].filter((run) => !waits.some((wait) => wait.run === run));
  for (const run of ends) held.delete(run);
  for (;;) {
    const next = left.find((wait, at) => {
      const holders = [...held.values()].flatMap((names) =>
        names.filter((name) => name === wait.wants).map((name) => ({ concurrency: limits[name] ?? 1 })),
      );
      const ahead = left.slice(0, at).filter(({ wants }) => wants === wait.wants).length;
      return admit(holders, ahead, wait).enter;
    });
    if (!next) return left.map(({ run }) => run);
    held.delete(next.run);
    left = left.filter((wait) => wait !== next);
  }
}

test('a circle is told by somebody exactly when some will never get on, and breaking circles ends that', () => {
  const world = fc.record({
    limits: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 4, maxLength: 4 }),
    runs: fc.array(
      fc.record({
        holds: fc.uniqueArray(fc.integer({ min: 0, max: 3 })),
        wants: fc.option(fc.integer({ min: 0, max: 3 })),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  });
  fc.assert(
    fc.property(world, ({ limits, runs }) => {
      const holdings = new Map<number, number[]>();
      const waits: Wait[] = [];
      for (const [run, { holds, wants }] of runs.entries()) {
        const got = holds.filter(
          (name) => [...holdings.values()].flat().filter((one) => one === name).length < (limits[name] ?? 1),
        );
        holdings.set(run, got);
        if (wants === null || got.includes(wants)) continue;
        waits.push({ run, wants, concurrency: limits[wants] ?? 1 });
      }
      for (let left = waits; ;) {
        const tickets = left.map(({ run, wants, concurrency }) =>
          waiter(
            `l${wants}`,
            `r${run}`,
            (holdings.get(run) ?? []).map((name) => `l${name}:r${run}`),
            concurrency,
          ),
        );
        const locks = limits.map((limit, name) =>
          lock(
            `l${name}`,
            [...holdings].flatMap(([run, names]) =>
              names.includes(name) ? [holder(`l${name}`, `r${run}`, limit)] : [],
            ),
            tickets.filter(({ key }) => key.includes(`/l${name}/`)),
          ),
        );
        const stuck = getOn(holdings, left, limits);
        const told = tickets.filter(({ key, under = [] }) => under.length > 0 && circleOf(key, locks));
        assert.equal(told.length > 0, stuck.length > 0, `${told.length} told, ${stuck.length} stuck`);
        if (stuck.length === 0) return;
        const gone = told.map(({ key }) => Number(key.slice(key.lastIndexOf('/r') + 2)));
        for (const run of gone) assert.ok(stuck.includes(run), 'somebody gave up who would have got on');
        for (const run of gone) holdings.delete(run);
        left = left.filter(({ run }) => !gone.includes(run));
      }
    }),
    { numRuns: 2000 },
  );
});
