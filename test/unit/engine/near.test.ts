import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearMatches } from '../../../src/model/near.ts';

const cookbooks = [
  'sre.hosts.reboot',
  'sre.hosts.reimage',
  'sre.hosts.remove-downtime',
  'wmcs.toolforge.etcd.add-member',
];

test('a typing mistake leads to the name that was meant, first', () => {
  assert.equal(nearMatches('sre.hosts.reimgae', cookbooks)[0], 'sre.hosts.reimage');
  assert.equal(nearMatches('sre.hosts.reboots', cookbooks)[0], 'sre.hosts.reboot');
});

test('a part of a name leads to it however long the name is', () => {
  assert.deepEqual(nearMatches('add-member', cookbooks), ['wmcs.toolforge.etcd.add-member']);
  assert.deepEqual(nearMatches('wmcs.toolforge.etcd.add-member.now', cookbooks), ['wmcs.toolforge.etcd.add-member']);
});

test('what is like nothing leads nowhere', () => {
  assert.deepEqual(nearMatches('xyzzy', cookbooks), []);
  assert.deepEqual(nearMatches('anything', []), []);
});

test('at most so many are told, equal ones by name', () => {
  const names = ['node4', 'node3', 'node2', 'node1'];
  assert.deepEqual(nearMatches('node9', names), ['node1', 'node2', 'node3']);
  assert.deepEqual(nearMatches('node9', names, 1), ['node1']);
});

test('one changed character is always near, whatever the name', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 3, maxLength: 40 }), fc.nat(), (name, place) => {
      const at = place % name.length;
      assert.deepEqual(nearMatches(`${name.slice(0, at)}\u0000${name.slice(at + 1)}`, [name]), [name]);
    }),
  );
});
