import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../../..');

interface Locked {
  version?: string;
  optional?: boolean;
  optionalDependencies?: Record<string, string>;
}
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> };

test('package-lock.json names the packages of every platform, else npm ci refuses it', () => {
  const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`${path}/node_modules/${name}` in lock.packages) && !(`node_modules/${name}` in lock.packages),
    ),
  );
  assert.deepEqual(missing, []);
});

test('there is one copy of each @temporalio package, all of one version, and all use one protobufjs', () => {
  const temporal = Object.entries(lock.packages).filter(([path]) => path.includes('node_modules/@temporalio/'));
  for (const [path] of temporal) assert.match(path, /^node_modules\/@temporalio\/[^/]+$/);
  assert.equal(new Set(temporal.map(([, { version }]) => version)).size, 1);
});

test('node_modules counts as current only when it holds what package-lock.json says', () => {
  const dir = mkdtempSync(join(tmpdir(), 'lock-'));
  try {
    mkdirSync(join(dir, 'node_modules'));
    const write = (file: string, packages: Record<string, Locked>) =>
      writeFileSync(join(dir, file), JSON.stringify({ packages }));
    const isCurrent = () =>
      spawnSync(process.execPath, [join(root, 'scripts/lock-is-installed.js'), dir], { stdio: 'ignore' }).status === 0;
    write('package-lock.json', {
      '': {},
      'node_modules/a': { version: '1.0.0' },
      'node_modules/elsewhere': { version: '1.0.0', optional: true },
    });
    assert.equal(isCurrent(), false);
    write('node_modules/.package-lock.json', { 'node_modules/a': { version: '1.0.0' } });
    assert.equal(isCurrent(), true);
    write('node_modules/.package-lock.json', { 'node_modules/a': { version: '0.9.0' } });
    assert.equal(isCurrent(), false);
    write('node_modules/.package-lock.json', {});
    assert.equal(isCurrent(), false);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
