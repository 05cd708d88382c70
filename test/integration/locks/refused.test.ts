import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { resultOf } from '../../support/world/engine.ts';
import { setStage, type Stage } from './world/stage.ts';

let stage: Stage;
const dir = mkdtempSync(join(tmpdir(), 'sumac-refused-'));
const root = ['--user', 'root:secret'];
const mayWrite = [
  '/spicerack/locks/cookbooks/',
  '/spicerack/locks/custom/a',
  '/spicerack/waiting/',
  '/spicerack/released/',
  '/sumac/',
];
before(async () => {
  const password_file = join(dir, 'password');
  writeFileSync(password_file, 'secret\n');
  stage = await setStage({ username: 'worker', password_file });
  for (const args of [
    ['user', 'add', 'root:secret'],
    ['user', 'grant-role', 'root', 'root'],
    ['user', 'add', 'worker:secret'],
    ['role', 'add', 'some'],
    ...mayWrite.map((prefix) => ['role', 'grant-permission', 'some', '--prefix=true', 'readwrite', prefix]),
    ['user', 'grant-role', 'worker', 'some'],
    ['auth', 'enable'],
  ])
    await stage.etcd.ctl(...args);
  await stage.worker();
});
after(async () => {
  await stage.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('a run that etcd refuses the second of its locks leaves nothing of the first', { timeout: 60_000 }, async () => {
  const result = await resultOf(await stage.start('a1', { lock: ['a', 'z'], until: 'a-go' }));
  assert.equal(result.exitCode, 99);
  assert.match(result.error ?? '', /permission denied; grant the role of etcd\.username/);
  assert.equal((await stage.etcd.ctl(...root, 'get', '/spicerack/', '--prefix', '--keys-only')).trim(), '');
});
