import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorKind, isOpsError } from '../../../src/model/errors.ts';
import { nap } from '../../support/nap.ts';
import { makeKey, startSshLab, type SshLab } from '../../support/sshd.ts';

let lab: SshLab;
const throwsOps = (promise: Promise<unknown>, kind: ErrorKind, code: string, message = /./) =>
  assert.rejects(promise, (error) => {
    assert.ok(isOpsError(error), String(error));
    assert.deepEqual([error.kind, error.code], [kind, code], error.message);
    assert.match(error.message, message);
    return true;
  });
/** Processes of the sshd that serve connections. */
const connections = (log: string) => [...log.matchAll(/^Accepted publickey for root/gm)].length;

before(async () => {
  lab = await startSshLab(['alpha', 'beta', 'gamma']);
});
after(() => lab.close());

test('commands run over one kept connection, and their output is theirs alone', async () => {
  const remote = lab.remote();
  writeFileSync(join(lab.dir, 'alpha', '.bashrc'), 'echo noise; echo more noise >&2\n');
  const { exitCode, capture } = await remote.run('alpha', 'echo out; echo err >&2; exit 7');
  assert.deepEqual([exitCode, capture.output(100).text], [7, 'out\nerr\n']);
  const before = connections(lab.host('alpha').log());
  assert.equal(
    await remote.text('alpha', 'echo $A; cat', { env: { A: `it's "$HOME"` }, stdin: 'in' }),
    `it's "$HOME"\nin`,
  );
  assert.equal(connections(lab.host('alpha').log()), before);
  await throwsOps(remote.text('alpha', 'echo why; exit 2'), 'failed', 'COMMAND_FAILED', /exit status 2: why$/);
  await throwsOps(
    remote.text('alpha', 'seq 1 20000'),
    'failed',
    'OUTPUT_TOO_LONG',
    /printed 108894 bytes, 32768 are taken/,
  );
});

test('the host name, the port, the user and the key come from the OpenSSH configuration, included files too', async () => {
  const included = join(lab.dir, 'included');
  writeFileSync(included, `Host by-*\n  HostName 127.0.0.1\n  IdentityFile ${lab.key}\n`);
  const file = join(lab.dir, 'other_config');
  const { port } = lab.host('beta');
  writeFileSync(file, `Include ${included}\nPort ${port}\nHost by-name\n  User root\n`);
  const remote = lab.remote({ config_file: file, identity_files: [], user: 'nobody' });
  assert.equal(await remote.text('by-name', 'echo $USER'), 'root\n');
  appendFileSync(included, 'Host *\n  ProxyCommand nc %h %p\n');
  await throwsOps(
    remote.text('by-name', 'true'),
    'usage',
    'SSH_CONFIG_INVALID',
    /ProxyCommand is not supported.*use ProxyJump/,
  );
});

test('a host whose key nobody knows is refused, with the key it shows', async () => {
  const fingerprint = execFileSync('ssh-keygen', ['-lf', join(lab.dir, 'alpha/host_key.pub')], {
    encoding: 'utf8',
  }).split(' ')[1];
  const remote = lab.remote({ known_hosts: [join(lab.dir, 'none')] });
  await throwsOps(
    remote.run('alpha', 'true'),
    'failed',
    'HOST_KEY_UNKNOWN',
    new RegExp(`${fingerprint?.replaceAll('+', '\\+')}.*no key of it is known`),
  );
});

test('a host that shows another key is refused, with file and line of the expected one', async () => {
  const { port } = lab.host('alpha');
  const file = join(lab.dir, 'wrong_known_hosts');
  writeFileSync(file, `# first line\n[127.0.0.1]:${port} ${lab.host('beta').hostKey()}\n`);
  await throwsOps(
    lab.remote({ known_hosts: [file] }).run('alpha', 'true'),
    'failed',
    'HOST_KEY_MISMATCH',
    /shows the host key ssh-ed25519 SHA256:\S+, but \S+wrong_known_hosts line 2 expects ssh-ed25519 SHA256:\S+: if it was re-installed.*replace that line/,
  );
});

test('hashed and negated entries, patterns and revoked keys are understood', async () => {
  const { port } = lab.host('alpha');
  const key = lab.host('alpha').hostKey();
  const file = (name: string, text: string) => {
    writeFileSync(join(lab.dir, name), text);
    return { known_hosts: [join(lab.dir, name)] };
  };
  const hashed = file('hashed', `[127.0.0.1]:${port} ${key}\n`);
  execFileSync('ssh-keygen', ['-q', '-H', '-f', hashed.known_hosts[0] ?? ''], { stdio: 'ignore' });
  assert.doesNotMatch(readFileSync(join(lab.dir, 'hashed'), 'utf8'), /127/);
  assert.equal(await lab.remote(hashed).text('alpha', 'echo yes'), 'yes\n');
  assert.equal(await lab.remote(file('glob', `[127.0.0.?]:* ${key}\n`)).text('alpha', 'echo yes'), 'yes\n');
  const negated = file('negated', `[127.0.0.*]:*,![127.0.0.1]:${port} ${key}\n`);
  await throwsOps(lab.remote(negated).run('alpha', 'true'), 'failed', 'HOST_KEY_UNKNOWN');
  const revoked = file('revoked', `[127.0.0.1]:${port} ${key}\n@revoked * ${key}\n`);
  await throwsOps(lab.remote(revoked).run('alpha', 'true'), 'failed', 'HOST_KEY_REVOKED', /revoked line 2 revokes/);
});

test('a key that a run has proven wins, at once and for kept connections too', async () => {
  const host = lab.host('gamma');
  const old = host.hostKey();
  const remote = lab.remote();
  assert.equal(await remote.text('gamma', 'echo one'), 'one\n');
  await host.kill();
  host.newHostKey();
  await host.start();
  await throwsOps(remote.run('gamma', 'true'), 'failed', 'HOST_KEY_MISMATCH', /known_hosts line 3/);
  remote.hostKeys.pin('gamma', [host.hostKey()]);
  assert.equal(await remote.text('gamma', 'echo two'), 'two\n');
  // Another worker accepts another key: the kept connection is not the host it should be any more.
  lab.remote().hostKeys.pin('gamma', [old]);
  await throwsOps(
    remote.run('gamma', 'true'),
    'failed',
    'HOST_KEY_MISMATCH',
    /known_hosts\.d\/gamma line 1.*remove that file/,
  );
  assert.deepEqual(remote.hostKeys.pinned('gamma'), [old]);
  remote.hostKeys.unpin('gamma');
  await throwsOps(remote.run('gamma', 'true'), 'failed', 'HOST_KEY_MISMATCH', /known_hosts line 3/);
  remote.hostKeys.pin('gamma', [host.hostKey()]);
});

test('no key accepted: the user and every identity that was tried are named', async () => {
  const [other, locked] = [join(lab.dir, 'other'), join(lab.dir, 'locked')];
  makeKey(other);
  makeKey(locked, 'secret');
  const remote = lab.remote({ identity_files: [other, '/nowhere/key', locked], user: 'root' });
  const tried = new RegExp(
    `accepts no key for user root; tried ${other}, /nowhere/key \\(missing\\), ${locked} \\(has a passphrase`,
  );
  await throwsOps(remote.run('alpha', 'true'), 'failed', 'NO_KEY_ACCEPTED', tried);
});

test('keys of an agent are offered after the files', async () => {
  const socket = join(lab.dir, 'agent');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  try {
    for (let i = 0; !existsSync(socket) && i < 200; i++) await sleep(20);
    const remote = lab.remote({ identity_files: [join(lab.dir, 'other')], agent: true });
    process.env['SSH_AUTH_SOCK'] = socket;
    await throwsOps(remote.run('alpha', 'true'), 'failed', 'NO_KEY_ACCEPTED', new RegExp(`agent ${socket}`));
    execFileSync('ssh-add', ['-q', lab.key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
    assert.equal(await remote.text('alpha', 'echo by agent'), 'by agent\n');
  } finally {
    delete process.env['SSH_AUTH_SOCK'];
    agent.kill();
    await once(agent, 'exit');
  }
});

test('a host behind a jump host is reached through it, and verified', async () => {
  const { port } = lab.host('beta');
  const file = join(lab.dir, 'jump_config');
  writeFileSync(
    file,
    `${readFileSync(lab.sshConfig, 'utf8')}Host inside\n  HostName 127.0.0.1\n  Port ${port}\n  ProxyJump alpha\n`,
  );
  const remote = lab.remote({ config_file: file });
  const before = connections(lab.host('alpha').log());
  assert.equal(await remote.text('inside', 'echo $HOME'), `${join(lab.dir, 'beta')}\n`);
  assert.equal(connections(lab.host('alpha').log()), before + 1);
  // For all hosts, but not for itself.
  const all = lab.remote({ jump_host: `root@alpha:${lab.host('alpha').port}` });
  assert.equal(await all.text('beta', 'echo $HOME'), `${join(lab.dir, 'beta')}\n`);
  assert.equal(await all.text('alpha', 'echo $HOME'), `${join(lab.dir, 'alpha')}\n`);
  const strange = lab.remote({ config_file: file, known_hosts: [] });
  await throwsOps(strange.run('inside', 'true'), 'failed', 'HOST_KEY_UNKNOWN', /^alpha shows/);
});

test('an unknown name, a closed port and a silent host are told apart', async () => {
  const file = join(lab.dir, 'dead_config');
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  writeFileSync(
    file,
    `Host closed\n  HostName 127.0.0.1\n  Port 1\nHost silent\n  HostName 127.0.0.1\n  Port ${port}\n`,
  );
  const remote = lab.remote({ config_file: file, connect_timeout_seconds: 0.5 });
  await throwsOps(remote.run('nowhere.invalid', 'true'), 'usage', 'HOST_UNKNOWN', /'nowhere\.invalid' is unknown/);
  await throwsOps(
    remote.run('closed', 'true'),
    'transient',
    'UNREACHABLE',
    /closed \(127\.0\.0\.1 port 1\): .*ECONNREFUSED/,
  );
  await throwsOps(remote.run('silent', 'true'), 'transient', 'UNREACHABLE', /Timed out/);
  await throwsOps(remote.run('silent', 'true', { timeoutMs: 100 }), 'failed', 'COMMAND_TIMEOUT', /after 0\.1 s/);
  silent.close();
});

test('handshakes in progress are limited, apart from open connections', async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const file = join(lab.dir, 'many_config');
  writeFileSync(file, `Host silent*\n  HostName 127.0.0.1\n  Port ${port}\n`);
  const remote = lab.remote({ config_file: file, connect_timeout_seconds: 1, max_handshakes: 2 });
  const all = ['silent1', 'silent2', 'silent3', 'silent4'].map((host) =>
    remote.run(host, 'true').catch(() => undefined),
  );
  await sleep(600);
  assert.equal(sockets.length, 2);
  await Promise.all(all);
  assert.equal(sockets.length, 4);
  silent.close();
});

test('more commands than channels wait for their turn', async () => {
  const remote = lab.remote({ max_channels: 4 });
  const before = connections(lab.host('beta').log());
  const file = join(lab.dir, 'channels');
  const command = `echo + >>${file}; sleep 0.3; echo - >>${file}`;
  await Promise.all(Array.from({ length: 12 }, () => remote.text('beta', command)));
  let open = 0;
  const most = Math.max(
    ...readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => (open += line === '+' ? 1 : -1)),
  );
  assert.ok(most <= 4, `${most} at a time`);
  assert.equal(connections(lab.host('beta').log()), before + 1);
});

test('a host that allows fewer sessions than we would open is served all the same', async () => {
  const small = await startSshLab(['small'], ['MaxSessions 3']);
  const remote = small.remote();
  try {
    const outputs = await Promise.all(
      Array.from({ length: 12 }, (_, i) => remote.text('small', `sleep 0.1; echo ${i}`)),
    );
    assert.deepEqual(
      outputs,
      Array.from({ length: 12 }, (_, i) => `${i}\n`),
    );
    assert.equal(connections(small.host('small').log()), 1);
  } finally {
    await small.close();
  }
});

test('a kept connection that died is noticed: the command goes over a new one', async () => {
  const remote = lab.remote();
  const host = lab.host('beta');
  const pid = Number(await remote.text('beta', 'echo $PPID'));
  // Cut off without a word, as by a power cut.
  process.kill(pid, 'SIGSTOP');
  const started = performance.now();
  assert.equal(await remote.text('beta', 'echo again'), 'again\n');
  assert.ok(performance.now() - started > 4000);
  process.kill(pid, 'SIGKILL');
  // Rebooted in order: the connection was closed.
  await host.kill();
  await host.start();
  assert.equal(await remote.text('beta', 'echo anew'), 'anew\n');
});

test('a command whose channel was open when the connection died is not run again', async () => {
  const remote = lab.remote();
  const host = lab.host('beta');
  const file = join(lab.dir, 'once');
  const running = remote.run('beta', `echo x >>${file}; sleep 20`);
  const lost = throwsOps(running, 'transient', 'CONNECTION_LOST', /beta: the connection was lost/);
  for (let i = 0; !existsSync(file) && i < 500; i++) await sleep(10);
  await host.kill();
  await lost;
  await host.start();
  assert.equal(readFileSync(file, 'utf8'), 'x\n');
});

test('a connection without use is closed, one that was forgotten is not used again', async () => {
  const remote = lab.remote({}, {}, { idleMs: 200 });
  const host = lab.host('beta');
  const before = connections(host.log());
  await remote.run('beta', 'true');
  await sleep(600);
  await remote.run('beta', 'true');
  assert.equal(connections(host.log()), before + 2);
  const slow = remote.text('beta', 'sleep 1; echo done');
  await sleep(300);
  remote.forget('beta');
  await remote.run('beta', 'true');
  assert.equal(connections(host.log()), before + 3);
  assert.equal(await slow, 'done\n');
});

test('a command that hangs is ended on the host when its time is up', async () => {
  const remote = lab.remote();
  await throwsOps(
    remote.run('beta', `exec sleep ${nap(1)}`, { timeoutMs: 800 }),
    'failed',
    'COMMAND_TIMEOUT',
    /'exec sleep \d+' had not ended after 0\.8 s/,
  );
  for (let i = 0; ; i++) {
    const processes = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n');
    if (!processes.includes(`sleep ${nap(1)}`)) break;
    assert.ok(i < 100, 'still runs');
    await sleep(50);
  }
});
