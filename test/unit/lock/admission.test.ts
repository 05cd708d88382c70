import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admit } from '../../../src/locks/admission.ts';

const of = (...concurrency: number[]) => concurrency.map((value) => ({ concurrency: value }));
const demand = fc.record({ concurrency: fc.nat({ max: 5 }) });

test('the strictest concurrency of holders and newcomer decides', () => {
  const enters = (holders: number[], newcomer: number) => admit(of(...holders), 0, { concurrency: newcomer }).enter;
  assert.equal(enters([], 1), true);
  assert.equal(enters([1], 1), false);
  assert.equal(enters([1], 5), false);
  assert.equal(enters([1], 0), false, 'an exclusive holder keeps out the unlimited');
  assert.equal(enters([0], 1), false, 'an unlimited holder keeps out the exclusive');
  assert.equal(enters([0, 0, 0], 0), true);
  assert.equal(enters([3, 3], 3), true);
  assert.equal(enters([3, 2], 3), false);
});

test('it tells how many hold and how many are allowed', () => {
  assert.deepEqual(admit(of(3, 2), 0, { concurrency: 4 }), { enter: false, count: 2, allowed: 2 });
  assert.deepEqual(admit(of(0), 0, { concurrency: 0 }), { enter: true, count: 1, allowed: Number.POSITIVE_INFINITY });
});

test('who has somebody before it does not enter, whatever the room', () => {
  assert.equal(admit([], 1, { concurrency: 0 }).enter, false);
});

test('with fewer holders a yes stays a yes', () => {
  fc.assert(
    fc.property(fc.array(demand, { minLength: 1, maxLength: 6 }), demand, fc.nat(), (holders, newcomer, which) => {
      fc.pre(admit(holders, 0, newcomer).enter);
      assert.ok(admit(holders.toSpliced(which % holders.length, 1), 0, newcomer).enter);
    }),
  );
});

test('whoever entered, nobody is more than the strictest among them bears', () => {
  fc.assert(
    fc.property(fc.array(demand, { maxLength: 20 }), (newcomers) => {
      const holders: { concurrency: number }[] = [];
      for (const newcomer of newcomers) if (admit(holders, 0, newcomer).enter) holders.push(newcomer);
      const limits = holders.map(({ concurrency }) => concurrency).filter((limit) => limit > 0);
      assert.ok(holders.length <= Math.min(Number.POSITIVE_INFINITY, ...limits));
    }),
  );
});
