import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkCookbooks } from '../../../src/cookbooks/check.ts';
import { discover } from '../../../src/cookbooks/discover.ts';

const dir = (name: string) => join(import.meta.dirname, name);
const broken = checkCookbooks(discover({ cookbooks_base_dirs: [dir('broken')] }));
const errorsOf = (name: string) =>
  broken.bad
    .find(({ entry }) => entry.name === name)
    ?.errors.map((error) => error.replace(dir('broken/cookbooks/'), ''));

test('cookbooks in order pass the check', () => {
  const { good, bad } = checkCookbooks(discover({ cookbooks_base_dirs: [dir('good')] }));
  assert.deepEqual(bad, []);
  assert.deepEqual(
    good.map(({ name }) => name),
    ['grp.many', 'grp.ok-one', 'grp.sub.leaf', 'top'],
  );
});

test('broken cookbooks do not take down the one beside them', () => {
  assert.deepEqual(
    broken.good.map(({ name }) => name),
    ['good'],
  );
});

const expected: [what: string, name: string, errors: RegExp[]][] = [
  ['a syntax error is reported with its line', 'syntax', [/^syntax\.ts:4: \S/]],
  [
    'Node.js in an imported file is reported there, with the file that brought it in',
    'world',
    [/^lib\/_deep\.ts:4: imports node:fs: .*\(imported by \S*world\.ts\)$/],
  ],
  [
    'activities imported at run time are reported',
    'effects',
    [/^effects\.ts:1: imports \S*activities\/index\.ts: .*import type/],
  ],
  [
    'packages and files that are not there are reported, all of them',
    'missing',
    [
      /^missing\.ts:1: imports no-such-package-anywhere, which is not installed$/,
      /^missing\.ts:2: imports \.\/gone\.ts, which does not exist$/,
    ],
  ],
  ['TypeScript that Node.js does not run is reported', 'enum', [/^enum\.ts:1: an enum is more than a type/]],
  ['what only the engine notices is reported too', 'twice', [/^twice\.ts:\d+: .*'title' has already been declared/]],
  ['an import of a name that is not exported is reported', 'unlinked', [/^unlinked\.ts:\d+: .*'nobody'/]],
  ['a module that throws while loading is reported with its line', 'throws', [/^throws\.ts:2: thrown while loading$/]],
  ['a module without a cookbook is reported', 'empty', [/^empty\.ts:1: no cookbook in it/]],
  ["the name of 'cookbook exec' is refused", 'exec', [/^exec\.ts:1: the name 'exec' is that of 'cookbook exec'/]],
  [
    "the name of 'cookbook locks break' is refused",
    'break-lock',
    [/^break-lock\.ts:1: the name 'break-lock' is that of 'cookbook locks break'/],
  ],
  ['top-level await is reported', 'waits', [/^waits\.ts:1: top-level await/]],
];
for (const [what, name, errors] of expected)
  test(what, () => {
    const found = errorsOf(name) ?? [];
    assert.equal(found.length, errors.length, found.join('\n'));
    errors.forEach((pattern, i) => assert.match(found[i] ?? '', pattern));
  });
