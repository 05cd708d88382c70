import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Connection } from '@temporalio/client';
import { searchAttributes } from '../../src/model/search-attributes.ts';
import { freePort } from '../support/etcd.ts';

const script = join(import.meta.dirname, '../../temporal-dev.sh');
let dir: string;
let env: NodeJS.ProcessEnv;
let temporalPort: number;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'temporal-dev-'));
  const [temporal, ui, etcd, peer] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  temporalPort = temporal;
  env = {
    ...process.env,
    SUMAC_DEV_DIR: dir,
    SUMAC_TEMPORAL_PORT: String(temporal),
    SUMAC_UI_PORT: String(ui),
    SUMAC_ETCD_PORT: String(etcd),
    SUMAC_ETCD_PEER_PORT: String(peer),
  };
});
after(async () => {
  await dev('down');
  rmSync(dir, { recursive: true });
});

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}
const call = (program: string, args: string[], more: NodeJS.ProcessEnv = {}): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(program, args, { env: { ...env, ...more } }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
const dev = (...args: string[]) => call(script, args);
const pidOf = (name: string) =>
  (JSON.parse(readFileSync(join(dir, `run/${name}.json`), 'utf8')) as { pid: number }).pid;
// One that has ended and was not waited for yet is state Z.
const lives = (pid: number) => existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

test('nothing runs: status says so with 3, down does no harm', async () => {
  const { code, stdout } = await dev('status');
  assert.equal(code, 3);
  for (const name of ['temporal', 'etcd', 'worker']) assert.match(stdout, new RegExp(`^${name} .* not running$`, 'm'));
  assert.equal((await dev('down')).code, 0);
});

test('a taken port is told with who has it and how to choose another', async () => {
  const server = createServer().listen(temporalPort, '127.0.0.1');
  try {
    const { code, stderr } = await dev('up');
    assert.equal(code, 1);
    assert.equal(
      stderr,
      `temporal-dev.sh: port ${temporalPort} for temporal is taken by node (pid ${process.pid}): end it, or choose another with SUMAC_TEMPORAL_PORT\n`,
    );
  } finally {
    server.close();
  }
});

test('up starts everything, ready to run cookbooks, and tells where it is', async () => {
  const { code, stdout, stderr } = await dev('up');
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`^temporal +127\\.0\\.0\\.1:${temporalPort} +pid \\d+, up `, 'm'));
  assert.match(stdout, new RegExp(`^UI +http://127\\.0\\.0\\.1:${env['SUMAC_UI_PORT']}$`, 'm'));
  assert.equal((await dev('status')).code, 0);
  const listed = await call(join(script, '../bin/cookbook'), ['-c', join(dir, 'config.yaml'), 'ps']);
  assert.equal(listed.code, 0, listed.stderr);
});

test('the namespace keeps runs for 30 days and knows every search attribute', async () => {
  const connection = await Connection.connect({ address: `127.0.0.1:${temporalPort}` });
  try {
    const { config } = await connection.workflowService.describeNamespace({ namespace: 'default' });
    assert.equal(Number(config?.workflowExecutionRetentionTtl?.seconds), 30 * 86_400);
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
    for (const { name } of Object.values(searchAttributes)) assert.ok(name in customAttributes, name);
  } finally {
    await connection.close();
  }
});

test('up again changes nothing; a killed worker is seen by status and started by up', async () => {
  const before = ['temporal', 'etcd', 'worker'].map(pidOf);
  assert.equal((await dev('up')).code, 0);
  assert.deepEqual(['temporal', 'etcd', 'worker'].map(pidOf), before);
  process.kill(pidOf('worker'), 'SIGKILL');
  const { code, stdout } = await dev('status');
  assert.equal(code, 3);
  assert.match(stdout, /^worker .* not running$/m);
  assert.equal((await dev('up')).code, 0);
  assert.deepEqual(['temporal', 'etcd'].map(pidOf), before.slice(0, 2));
  assert.notEqual(pidOf('worker'), before[2]);
});

test('an edited configuration is kept, an untouched one is written anew', async () => {
  const file = join(dir, 'config.yaml');
  const written = readFileSync(file, 'utf8');
  assert.match((await dev('up')).stdout, /^config +\S+$/m);
  writeFileSync(file, `${written}# mine\n`);
  assert.match((await dev('up')).stdout, /^config .*\(kept, it was edited\)$/m);
  assert.equal(readFileSync(file, 'utf8'), `${written}# mine\n`);
});

test('logs are shown, of one or of all; an unknown name is refused with the known ones', async () => {
  assert.match((await dev('logs', 'worker')).stdout, /worker polls sumac at/);
  assert.match((await dev('logs')).stdout, /etcd\.log/);
  const { code, stderr } = await dev('logs', 'nothing');
  assert.equal(code, 2);
  assert.equal(stderr, "temporal-dev.sh: no component 'nothing': temporal, etcd, worker\n");
});

test('down stops every process; reset forgets runs and logs and keeps what was edited', async () => {
  const pids = ['temporal', 'etcd', 'worker'].map(pidOf);
  const { code, stdout } = await dev('down');
  assert.equal(code, 0);
  assert.equal(stdout, 'worker    stopped\netcd      stopped\ntemporal  stopped\n');
  assert.deepEqual(pids.filter(lives), []);
  assert.equal((await dev('reset')).code, 0);
  assert.equal(existsSync(join(dir, 'data')), false);
  assert.equal(existsSync(join(dir, 'config.yaml')), true);
});

test('a pid that belongs to another process by now is left alone', async () => {
  mkdirSync(join(dir, 'run'), { recursive: true });
  writeFileSync(join(dir, 'run/worker.json'), JSON.stringify({ pid: process.pid, started: '1', boot: 'another' }));
  assert.match((await dev('down')).stdout, /^worker +was not running$/m);
});

test('a port that is no number and an unknown command are refused', async () => {
  const { code, stderr } = await call(script, ['status'], { SUMAC_UI_PORT: 'http' });
  assert.notEqual(code, 0);
  assert.match(stderr, /SUMAC_UI_PORT='http' is no port: give a number from 1 to 65535/);
  const unknown = await dev('start');
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /^temporal-dev\.sh: no command 'start'\nusage:/);
});
