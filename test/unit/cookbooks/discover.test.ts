import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { discover, normalizeName } from '../../../src/cookbooks/discover.ts';

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'discover-'));
  for (const file of [
    'one/cookbooks/a/b.ts',
    'one/cookbooks/a/restart-5.mjs',
    'one/cookbooks/a/_helper.ts',
    'one/cookbooks/a/types.d.ts',
    'one/cookbooks/a/notes.md',
    'one/cookbooks/.git/x.ts',
    'one/cookbooks/_lib/x.ts',
    'one/cookbooks/node_modules/p/index.js',
    'two/cookbooks/a/b.js',
    'two/cookbooks/a/c.js',
    'three/cookbooks/linked.ts',
  ]) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), 'export const run = async () => 0;');
  }
  symlinkSync(join(dir, 'three/cookbooks'), join(dir, 'two/cookbooks/z'));
  symlinkSync('nowhere', join(dir, 'two/cookbooks/dangling'));
});
after(() => rmSync(dir, { recursive: true }));

test('cookbooks of several checkouts merge, the first of two with the same name counts', () => {
  const found = discover({ cookbooks_base_dirs: [join(dir, 'one'), join(dir, 'two'), join(dir, 'absent')] });
  assert.deepEqual(
    found.map(({ name, file }) => [name, file.replace(dir, '')]),
    [
      ['a.b', '/one/cookbooks/a/b.ts'],
      ['a.c', '/two/cookbooks/a/c.js'],
      ['a.restart-5', '/one/cookbooks/a/restart-5.mjs'],
      ['z.linked', '/two/cookbooks/z/linked.ts'],
    ],
  );
  assert.deepEqual(found[0]?.base, join(dir, 'one/cookbooks'));
});

test('paths of files are names, names stay as they are', () => {
  for (const [typed, name] of [
    ['a/b.ts', 'a.b'],
    ['a/b.py', 'a.b'],
    ['cookbooks/a/b-c.mjs', 'a.b-c'],
    ['./cookbooks/a.js', 'a'],
    ['a.b', 'a.b'],
    ['a/b', 'a/b'],
  ] as const)
    assert.equal(normalizeName(typed), name);
});
