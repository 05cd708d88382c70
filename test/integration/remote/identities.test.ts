import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Remote } from '../../../src/remote/remote.ts';
import { fails } from '../../support/fails.ts';
import { type SshLab, makeKey, startSshLab } from '../../support/sshd.ts';

let lab: SshLab;
let agent: ChildProcess;
let socket: string;
let configs = 0;

/** Access with what an OpenSSH configuration says of identities; a host takes one wrong key, and no second one. */
function workerWith(lines: readonly string[], ssh: object = {}): Remote {
  const file = join(lab.dir, `config-${configs++}`);
  const text = [`IdentityAgent ${socket}`, ...lines].map((line) => `${line}\n`).join('');
  writeFileSync(file, `${text}${readFileSync(lab.sshConfig, 'utf8')}`);
  return lab.remote({ config_file: file, identity_files: [], agent: true, ...ssh });
}
const add = (file: string) =>
  execFileSync('ssh-add', ['-q', file], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'ignore' });

before(async () => {
  lab = await startSshLab(['alpha'], ['MaxAuthTries 2']);
  socket = join(lab.dir, 'agent');
  agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  for (let i = 0; !existsSync(socket) && i < 500; i++) await sleep(20);
  for (const name of ['first', 'second', 'third']) {
    makeKey(join(lab.dir, name));
    add(join(lab.dir, name));
  }
  add(lab.key);
});
after(async () => {
  if (agent.exitCode === null && agent.signalCode === null) {
    agent.kill('SIGKILL');
    await once(agent, 'exit');
  }
  await lab.close();
});

test('of an agent with many keys, the one whose public half is named is offered', async () => {
  const named = workerWith(['IdentitiesOnly yes', `IdentityFile ${lab.key}.pub`]);
  assert.equal(await named.text('alpha', 'echo in'), 'in\n');
  const all = workerWith([]);
  await fails(all.run('alpha', 'true'), 'failed', 'NO_KEY_ACCEPTED', /agent \S+ \(4 keys\)/);
});

test('IdentitiesOnly keeps the other keys of the agent back', async () => {
  const remote = workerWith(['IdentitiesOnly yes', `IdentityFile ${join(lab.dir, 'first')}`]);
  await fails(remote.run('alpha', 'true'), 'failed', 'NO_KEY_ACCEPTED', new RegExp(`tried ${join(lab.dir, 'first')}$`));
});

test('the agent signs for a key file with a passphrase; without the agent the error says what to do', async () => {
  const locked = join(lab.dir, 'locked');
  copyFileSync(lab.key, locked);
  execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'secret', '-f', locked], { stdio: 'ignore' });
  const lines = ['IdentitiesOnly yes', `IdentityFile ${locked}`];
  assert.equal(await workerWith(lines).text('alpha', 'echo in'), 'in\n');
  const wanted = new RegExp(`tried ${locked} \\(has a passphrase: put the key into the agent\\)$`);
  await fails(workerWith(lines, { agent: false }).run('alpha', 'true'), 'failed', 'NO_KEY_ACCEPTED', wanted);
  const other = join(lab.dir, 'other');
  makeKey(other, 'secret');
  rmSync(`${other}.pub`);
  await fails(
    workerWith(['IdentitiesOnly yes', `IdentityFile ${other}`]).run('alpha', 'true'),
    'failed',
    'NO_KEY_ACCEPTED',
    /has a passphrase: put the key into the agent: the agent does not hold it/,
  );
});

test('a certificate that is configured is named as not supported when no key is accepted', async () => {
  const remote = workerWith([
    'IdentitiesOnly yes',
    `IdentityFile ${join(lab.dir, 'first')}`,
    'CertificateFile /c-cert.pub',
  ]);
  await fails(
    remote.run('alpha', 'true'),
    'failed',
    'NO_KEY_ACCEPTED',
    /\/c-cert\.pub \(certificates are not supported\)/,
  );
});

test('an agent that hangs or is gone stops new connections with its reason, and leaves open ones alone', async () => {
  const lines = ['IdentitiesOnly yes', `IdentityFile ${lab.key}.pub`];
  const open = workerWith(lines);
  await open.run('alpha', 'true');
  agent.kill('SIGSTOP');
  await fails(workerWith([...lines, 'ConnectTimeout 2']).run('alpha', 'true'), 'transient', 'UNREACHABLE', /Timed out/);
  agent.kill('SIGKILL');
  await once(agent, 'exit');
  await fails(workerWith(lines).run('alpha', 'true'), 'failed', 'NO_KEY_ACCEPTED', /Failed to connect to agent/);
  assert.equal(await open.text('alpha', 'echo still'), 'still\n');
});
