import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { files } from '../../../activities/files.ts';
import { remote as activities } from '../../../activities/remote.ts';
import type { Fence } from '../../../src/model/fence.ts';
import { unpackResults } from '../../../src/model/slice-result.ts';
import { Remote } from '../../../src/remote/remote.ts';
import { callOf } from '../../support/call.ts';
import { type SshLab, startSshLab } from '../../support/sshd.ts';

let lab: SshLab;
let remote: Remote;
before(async () => {
  lab = await startSshLab(['web1', 'web2', 'web3'], ['Subsystem sftp internal-sftp']);
  remote = new Remote(lab.config);
});
after(async () => {
  await remote.close();
  await lab.close();
});

const fence = (names: string[], number: number, concurrency = 1): Fence => ({
  kind: 'custom',
  names,
  holder: 'run',
  lease: '1',
  number: String(number),
  concurrency,
});

let calls = 0;
/** Runs a command that leaves a line, and tells how it ended on each host. */
async function act(file: string, hosts: string[], fences: Fence[]) {
  const commands = [{ command: `echo done >>${join(lab.dir, file)}` }];
  const call = callOf({ config: lab.config, remote }, { token: `fencing/${++calls}`, fences });
  const result = await activities['remote.runSync'].run({ hosts, commands, patienceMs: 0 }, call);
  return unpackResults(hosts, commands, result).map(({ host, exitCode, error }) => [host, exitCode ?? error?.code]);
}
const lines = (file: string) =>
  existsSync(join(lab.dir, file)) ? readFileSync(join(lab.dir, file), 'utf8').trim().split('\n').length : 0;

test('hosts refuse a command under a lock that a later holder has acted under there', async () => {
  const all = ['web1', 'web2'];
  assert.deepEqual(await act('a', all, [fence(['a'], 7)]), [
    ['web1', 0],
    ['web2', 0],
  ]);
  assert.deepEqual(await act('a', ['web1'], [fence(['a'], 8)]), [['web1', 0]]);
  assert.deepEqual(await act('a', all, [fence(['a'], 7)]), [
    ['web1', 'LockLost'],
    ['web2', 0],
  ]);
  assert.equal(lines('a'), 4);
});

test('a file is neither changed nor brought back under a lock that a later holder has acted under there', async () => {
  const path = join(lab.dir, 'file');
  const text = () => readFileSync(path, 'utf8');
  const call = (run: string, number: number) =>
    callOf({ config: lab.config, remote }, { run, token: `${run}/${++calls}`, fences: [fence(['files'], number)] });
  const write = (content: string, run: string, number: number) =>
    files['files.upload'].run({ hosts: ['web3'], path, content }, call(run, number));
  const lost = {
    code: 'LockLost',
    message: /^lost the lock .*: web3 has seen its holder number 31, this is 30; .*file was not changed/,
  };
  await write('first', 'early', 30);
  await write('second', 'late', 31);
  await assert.rejects(write('third', 'early', 30), lost);
  await assert.rejects(files['files.restore'].run({ hosts: ['web3'], path }, call('early', 30)), lost);
  assert.equal(text(), 'second');
  assert.deepEqual(
    readdirSync(lab.dir).filter((name) => name.startsWith('.file.')),
    [],
  );
  await files['files.restore'].run({ hosts: ['web3'], path }, call('late', 31));
  assert.equal(text(), 'first');
  assert.deepEqual(await act('after', ['web3'], [fence(['files'], 30)]), [['web3', 'LockLost']]);
});

test('those who may hold a lock at the same time do not keep each other out, in whatever order they act', async () => {
  for (const concurrency of [2, 0])
    for (const number of [7, 5])
      assert.deepEqual(await act('d', ['web1'], [fence(['d'], number, concurrency)]), [['web1', 0]]);
  assert.equal(lines('d'), 4);
});

test('of the locks of hosts each host asks for its own', async () => {
  const all = ['web1', 'web2', 'web3'];
  assert.deepEqual(await act('b', ['web2'], [fence(['host:web2'], 20)]), [['web2', 0]]);
  assert.deepEqual(await act('b', all, [fence(['host:web[1-3]'], 19)]), [
    ['web1', 0],
    ['web2', 'LockLost'],
    ['web3', 0],
  ]);
});

test('the refusal says which lock was lost, what the host has seen, and the way out', async () => {
  await act('c', ['web1'], [fence(['c'], 5)]);
  const commands = [{ command: 'true' }];
  const call = callOf({ config: lab.config, remote }, { token: 'fencing/last', fences: [fence(['c'], 4)] });
  const result = await activities['remote.runSync'].run({ hosts: ['web1'], commands, patienceMs: 0 }, call);
  const [{ error } = { error: undefined }] = unpackResults(['web1'], commands, result);
  assert.match(
    error?.message ?? '',
    /^lost the lock \/spicerack\/locks\/custom\/c\/run: web1 has seen its holder number 5, this is 4; 'true' was not started\. If etcd was set up anew, remove \S+\/[0-9a-f]{16}\.lock there$/,
  );
});
