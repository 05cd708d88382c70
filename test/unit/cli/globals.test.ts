import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import manifest from '../../../package.json' with { type: 'json' };
import { contextOf, operator, type Globals } from '../../../src/cli/globals.ts';
import { howToAnswer } from '../../../src/cli/how-to-answer.ts';
import { newRunId } from '../../../src/cli/start.ts';
import { tableLines } from '../../../src/cli/table.ts';
import { OpsError } from '../../../src/model/errors.ts';

const { USER, SUDO_USER } = process.env;
afterEach(() => {
  Object.assign(process.env, { USER: USER ?? '', SUDO_USER: SUDO_USER ?? '' });
});

const globals = (more: Partial<Globals> = {}): Globals => ({ locks: true, onFailure: 'rollback', ...more });

test('the operator is SUDO_USER unless that is root, else USER, else -', () => {
  for (const [sudoUser, user, expected] of [
    ['alice', 'root', 'alice'],
    ['root', 'bob', 'bob'],
    ['', 'bob', 'bob'],
    ['', '', '-'],
  ] as const) {
    Object.assign(process.env, { SUDO_USER: sudoUser, USER: user });
    assert.equal(operator(), expected);
  }
});

test('global options become the context of the run', () => {
  const context = contextOf(globals({ dryRun: true, locks: false, onFailure: 'hold', reason: 'r', task: 'T1' }));
  const { dryRun, noLocks, verbose, onFailure, reason, task } = context;
  assert.deepEqual(
    { dryRun, noLocks, verbose, onFailure, reason, task },
    { dryRun: true, noLocks: true, verbose: false, onFailure: 'hold', reason: 'r', task: 'T1' },
  );
});

test('the most hosts of a query are a number of the context, or absent', () => {
  assert.equal(contextOf(globals({ maxHosts: '25000' })).maxHosts, 25_000);
  assert.equal('maxHosts' in contextOf(globals()), false);
  for (const maxHosts of ['', '0', '-1', '1.5', 'many', '1e4', '12345678901'])
    assert.throws(() => contextOf(globals({ maxHosts })), { code: 'MAX_HOSTS_INVALID' });
});

test('a task or reason that Spicerack would refuse is refused', () => {
  for (const wrong of [{ task: '12' }, { task: 'T1234567' }, { task: '' }, { reason: '' }, { reason: 'a "b"' }])
    assert.throws(() => contextOf(globals(wrong)), OpsError);
});

test('the id of a run is its cookbook, time, operator and something new', () => {
  const at = new Date('2026-11-22T14:03:59.123Z');
  assert.match(newRunId('sre.hosts.reboot', 'alice', at), /^sre\.hosts\.reboot\/20261122-140359-alice-[0-9a-f]{4}$/);
});

test('how to answer can be copied into a shell', () => {
  assert.equal(howToAnswer('a/b', ['go', 'roll back'], '2'), "cookbook answer a/b go|'roll back' --prompt 2");
  assert.equal(howToAnswer('a/b', undefined), 'cookbook answer a/b TEXT');
});

test('columns of a table are as wide as their widest cell', () => {
  assert.deepEqual(
    tableLines(
      ['A', 'LONG'],
      [
        ['value', ''],
        ['x', 'y'],
      ],
    ),
    ['A      LONG', 'value', 'x      y'],
  );
});

test('the program says what it is, without a configuration', () => {
  const program = join(import.meta.dirname, '../../../bin/cookbook');
  const env = { ...process.env, COOKBOOK_CONFIG: '/nowhere' };
  const said = execFileSync(program, ['--version'], { env, encoding: 'utf8' });
  assert.equal(said, `cookbook ${manifest.version} (Node.js ${process.versions.node})\n`);
});
