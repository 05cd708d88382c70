import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pool } from '../../activities/pool.ts';
import { Config } from '../../src/config/schema.ts';
import { selectors } from '../../src/hooks/selectors.ts';
import { callOf } from '../support/call.ts';
import { fails } from '../support/fails.ts';

const callWith = (hooks: object) =>
  callOf({ config: Config.parse({ cookbooks_base_dirs: ['/nowhere'], logs_base_dir: '/nowhere', hooks }) });
const input = { services: ['www'], hosts: ['web1'] };
const hostsOf = (entity: string, tags: Record<string, unknown>, hooks: object = { pool: '/nowhere/pool' }) =>
  pool['pool.hosts'].run({ entity, tags: tags as Record<string, string> }, callWith(hooks));

test('without a hook nothing can be depooled or found, and the way out is named', async () => {
  await fails(
    pool['pool.pooled'].run(input, callWith({})),
    'usage',
    'POOL_NOT_CONFIGURED',
    /^hooks.pool is not configured: name the program there that depools and repools, or name no service to depool$/,
  );
  await fails(
    hostsOf('node', { dc: 'eqiad' }, {}),
    'usage',
    'POOL_NOT_CONFIGURED',
    /^hooks.pool is not configured: name the program there that lists hosts by their tags, or name the hosts$/,
  );
});

test('a hook that cannot be started is named', async () => {
  await fails(
    pool['pool.depool'].run({ www: ['web1'] }, callWith({ pool: '/nowhere/pool' })),
    'failed',
    'POOL_FAILED',
    /^hooks.pool \/nowhere\/pool depool: .*ENOENT/,
  );
});

test('a hook that exits with 2 refuses for good; one that exits with 1 is asked again', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sumac-pool-'));
  try {
    for (const [status, kind] of [
      [2, 'failed'],
      [1, 'transient'],
    ] as const) {
      const program = join(dir, `exit${status}`);
      writeFileSync(program, `#!/bin/sh\necho 'no such entity: nod' >&2\nexit ${status}\n`, { mode: 0o755 });
      const asked = hostsOf('nod', { dc: 'eqiad' }, { pool: program });
      await fails(asked, kind, 'POOL_FAILED', /^hooks.pool \S+ hosts: no such entity: nod$/);
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('tags become regular expressions of the whole tag', () => {
  assert.deepEqual(selectors({ entity: 'node', tags: { dc: 'eqiad', name: 'web1|web[2-3].*' } }), [
    'dc=^(eqiad)$',
    'name=^(web1|web[2-3].*)$',
  ]);
});

const wrong: [entity: string, tags: Record<string, unknown>, text: RegExp][] = [
  ['', { dc: 'eqiad' }, /^entity: "" is no type of conftool's objects: give for example node$/],
  ['--help', { dc: 'eqiad' }, /^entity: "--help" is no type/],
  ['node', {}, /^tags: {} are none: give for example { cluster: 'web' }, or { name: '.\*' } for every host$/],
  ['node', { 'dc=x': 'eqiad' }, /^tags: "dc=x" is no name of a tag: give for example dc, cluster, service or name$/],
  ['node', { dc: '' }, /^tags.dc: "" is no text of one line: give for example eqiad, or .\* for any$/],
  ['node', { dc: 'eqiad\n' }, /^tags.dc: "eqiad\\n" is no text of one line/],
  ['node', { dc: 'eq\0' }, /^tags.dc: "eq\\u0000" is no text of one line/],
  ['node', { dc: 7 }, /^tags.dc: 7 is no text of one line/],
  ['node', { dc: 'web[1-' }, /^tags.dc: "web\[1-" is no regular expression \(Unterminated character class\)$/],
  ['node', { dc: 'a)|(b' }, /^tags.dc: "a\)\|\(b" is no regular expression \(Unmatched '\)'\)$/],
];
for (const [entity, tags, text] of wrong)
  test(`no program is asked for the hosts of ${JSON.stringify([entity, tags])}`, () =>
    fails(hostsOf(entity, tags), 'usage', 'OPTION_INVALID', text));

test('what a program prints is taken for hosts only when all of it can be', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sumac-pool-'));
  try {
    for (const [i, line] of ['{"web1": {"pooled": "yes"}}', '-oProxyCommand=x', 'web1, web2'].entries()) {
      const program = join(dir, `pool${i}`);
      writeFileSync(program, `#!/bin/sh\necho web0\necho '${line}'\n`, { mode: 0o755 });
      await fails(
        hostsOf('node', { dc: 'eqiad' }, { pool: program }),
        'failed',
        'POOL_FAILED',
        new RegExp(
          `^hooks.pool ${program} hosts: '${line.split(' ')[0]}' is no name of a host: it is to print one a line`,
        ),
      );
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});
