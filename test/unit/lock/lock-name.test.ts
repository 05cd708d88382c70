import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOpsError } from '../../../src/model/errors.ts';
import { checkLock, lockKey, type LockKind } from '../../../src/model/lock-name.ts';

const refused = (kind: LockKind, name: string, concurrency: number, ttl: number, text: RegExp) =>
  assert.throws(
    () => checkLock(kind, name, concurrency, ttl),
    (error) => isOpsError(error) && error.kind === 'usage' && error.code === 'InvalidLock' && text.test(error.message),
  );

test('a lock has the key of the original', () => {
  assert.equal(lockKey('cookbooks', 'sre.foo.bar:suffix'), '/spicerack/locks/cookbooks/sre.foo.bar:suffix');
});

test('names and terms the original takes are taken', () => {
  checkLock('cookbooks', 'sre.foo.bar:suffix', 20, 1800);
  checkLock('custom', 'anything goes, but slashes', 0, 0.5);
  checkLock('modules', 'spicerack.dhcp.DHCP:eqiad', 1, 120);
});

test('a name no lock can have is refused, and the name told', () => {
  refused('custom', '', 1, 60, /the name of a lock is empty: give what it protects/);
  refused('custom', 'a/b', 1, 60, /may not contain '\/': 'a\/b'/);
  refused('custom', 'a\nb', 1, 60, /control characters: "a\\nb"/);
  refused('modules', 'dhcp', 1, 60, /begins with 'spicerack\.', not 'dhcp'/);
});

test('terms nobody can keep are refused, and the value told', () => {
  refused('custom', 'x', -1, 60, /concurrency of lock 'x' is -1: give a whole number, 0 for unlimited/);
  refused('custom', 'x', 1.5, 60, /concurrency of lock 'x' is 1\.5/);
  refused('custom', 'x', 1, 0, /ttl of lock 'x' is 0 s: give a length of time above 0/);
  refused('custom', 'x', 1, Number.NaN, /ttl of lock 'x' is NaN s/);
});
