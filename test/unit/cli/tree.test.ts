import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { treeLines } from '../../../src/cli/tree.ts';
import { catalog } from '../../../src/cookbooks/catalog.ts';

const dir = (name: string) => ({ cookbooks_base_dirs: [join(import.meta.dirname, '../cookbooks', name)] });
let cache: string;
before(() => {
  cache = mkdtempSync(join(tmpdir(), 'catalog-'));
  process.env['XDG_CACHE_HOME'] = cache;
});
after(() => rmSync(cache, { recursive: true }));

const tree = async (prefix = '', titles = false) => treeLines(await catalog(dir('good')), prefix, titles).join('\n');

test('the tree shows full names with teams, groups and cookbooks mixed, without empty groups', async () => {
  const expected = `
cookbooks
|-- grp
|   |-- grp.many.Add [teamy]
|   |-- grp.many.Remove [teamx]
|   |-- grp.ok-one [teamx]
|   \`-- grp.sub
|       \`-- grp.sub.leaf [teamx]
\`-- top [unowned]`;
  assert.equal(`\n${await tree()}`, expected);
  assert.equal(`\n${await tree()}`, expected, 'from the cache');
});

test('with titles, groups have theirs too, each its first line', async () => {
  const lines = (await tree('', true)).split('\n');
  assert.equal(lines[1], '|-- grp: Things of one team');
  assert.equal(lines[4], '|   |-- grp.ok-one: Does one thing [teamx]');
  assert.equal(lines[5], '|   `-- grp.sub: -');
});

test('a prefix keeps what begins with it and the groups above', async () => {
  assert.equal(await tree('grp.ok'), 'cookbooks\n`-- grp\n    `-- grp.ok-one [teamx]');
  assert.equal(
    await tree('gr'),
    (await tree())
      .replace(/\n`-- top.*/, '')
      .replace('|-- grp\n', '`-- grp\n')
      .replaceAll('\n|   ', '\n    '),
  );
  assert.equal(await tree('nothing'), '');
});

test('cookbooks that cannot be loaded are problems of the catalog, the others are in it', async () => {
  const { cookbooks, problems } = await catalog(dir('broken'));
  assert.deepEqual(
    cookbooks.map(({ name }) => name),
    ['effects', 'good', 'waits', 'world'],
  );
  assert.ok(problems.some((problem) => /syntax\.ts:\d+: /.test(problem)));
});
