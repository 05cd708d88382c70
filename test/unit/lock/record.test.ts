import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeParty, describe, encodeRecord, holderId, keysOf, listed, timestamp } from '../../../src/locks/record.ts';

const record = {
  concurrency: 2,
  created: '2026-11-22 00:57:14.838000+00:00',
  owner: 'alice@host1 [run]',
  ttl: 60,
  run: 'run',
};
const entry = (value: string) => ({ key: '/k', value, lease: '7', revision: '3' });

test('a value is one line in the form of the original', () => {
  assert.equal(
    encodeRecord(record),
    '{"concurrency": 2, "created": "2026-11-22 00:57:14.838000+00:00", "owner": "alice@host1 [run]", "ttl": 60, "run": "run"}',
  );
  assert.equal(timestamp(new Date('2026-11-22T00:57:14.838Z')), record.created);
});

test('log lines show a lock and its holders as the original does', () => {
  assert.equal(
    describe(record),
    "{'concurrency': 2, 'created': '2026-11-22 00:57:14.838000+00:00', 'owner': 'alice@host1 [run]', 'ttl': 60}",
  );
  assert.equal(listed([record]), '    2026-11-22 00:57:14.838000+00:00: alice@host1 [run]');
});

test('what is written is read again', () => {
  const texts = fc.record({
    ...{ created: fc.string(), owner: fc.string(), run: fc.string() },
    concurrency: fc.nat(),
    ttl: fc.nat(),
  });
  fc.assert(
    fc.property(texts, (value) =>
      assert.deepEqual(decodeParty(entry(encodeRecord(value))), { ...value, key: '/k', lease: '7', revision: '3' }),
    ),
  );
});

test('a key nobody can read is an exclusive holder', () => {
  for (const value of ['', 'hands off', 'null', '[]', '{"concurrency": "many"}', '7'])
    assert.equal(decodeParty(entry(value)).concurrency, 1, value);
});

test('different runs and slots have different keys, none of which reaches outside of its lock', () => {
  const ref = fc.record({ run: fc.string({ minLength: 1 }), slot: fc.nat({ max: 3 }) });
  fc.assert(
    fc.property(ref, ref, (one, two) => {
      const [a, b] = [holderId({ kind: 'custom', name: 'x', ...one }), holderId({ kind: 'custom', name: 'x', ...two })];
      assert.equal(a === b, one.run === two.run && one.slot === two.slot);
      assert.ok(!a.includes('/'));
    }),
  );
  assert.deepEqual(keysOf({ kind: 'modules', name: 'spicerack.x', run: 'a/b' }), {
    key: '/spicerack/locks/modules/spicerack.x',
    holders: '/spicerack/locks/modules/spicerack.x/',
    holder: '/spicerack/locks/modules/spicerack.x/a%2Fb',
    waiters: '/spicerack/waiting/modules/spicerack.x/',
    waiter: '/spicerack/waiting/modules/spicerack.x/a%2Fb',
  });
});
