import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { discover } from '../../../src/cookbooks/discover.ts';
import { resolveCookbook } from '../../../src/cookbooks/resolve.ts';
import { OpsError } from '../../../src/model/errors.ts';

const entriesOf = (name: string) => discover({ cookbooks_base_dirs: [join(import.meta.dirname, name)] });
const resolved = async (typed: string) => {
  const found = await resolveCookbook(entriesOf('good'), typed);
  return 'group' in found ? `group ${found.group}` : `${found.cookbook.name} [${found.cookbook.ownerTeam}]`;
};
const fails = (name: string, dir: string, code: string, text: RegExp) =>
  assert.rejects(resolveCookbook(entriesOf(dir), name), (error) => {
    assert.ok(error instanceof OpsError);
    assert.equal(error.code, code);
    assert.match(error.message, text);
    return true;
  });

test('a name is a cookbook or a group, a team comes from the nearest package', async () => {
  assert.equal(await resolved('grp.ok-one'), 'grp.ok-one [teamx]');
  assert.equal(await resolved('grp/ok-one.py'), 'grp.ok-one [teamx]');
  assert.equal(await resolved('grp.sub.leaf'), 'grp.sub.leaf [teamx]');
  assert.equal(await resolved('top'), 'top [unowned]');
  assert.equal(await resolved('grp'), 'group grp');
  assert.equal(await resolved('grp.sub'), 'group grp.sub');
});

test('a file with several classes holds a cookbook for each, and is a group itself', async () => {
  assert.equal(await resolved('grp.many.Add'), 'grp.many.Add [teamy]');
  assert.equal(await resolved('grp.many.Remove'), 'grp.many.Remove [teamx]');
  assert.equal(await resolved('grp.many'), 'group grp.many');
});

test('an unknown name is told with its near matches', async () => {
  await fails(
    'grp.ok-two',
    'good',
    'COOKBOOK_UNKNOWN',
    /^Unable to find cookbook grp\.ok-two: did you mean grp\.ok-one\?$/,
  );
  await fails('grp.many.Ad', 'good', 'COOKBOOK_UNKNOWN', /did you mean .*grp\.many\.Add\?$/);
  await fails('quite.something.else', 'good', 'COOKBOOK_UNKNOWN', /see cookbook --list$/);
  await fails('gr', 'good', 'COOKBOOK_UNKNOWN', /Unable to find cookbook gr/);
});

test('a cookbook that cannot be loaded is told by file and line', async () => {
  await fails('syntax', 'broken', 'COOKBOOK_BROKEN', /broken\/cookbooks\/syntax\.ts:\d+: /);
  await fails('enum', 'broken', 'COOKBOOK_BROKEN', /enum\.ts:1: .*enum/);
  await fails('throws', 'broken', 'COOKBOOK_BROKEN', /throws\.ts:2: thrown while loading$/);
  await fails('empty', 'broken', 'COOKBOOK_BROKEN', /empty\.ts:1: no cookbook in it/);
});
