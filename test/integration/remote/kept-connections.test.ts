import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isOpsError } from '../../../src/model/errors.ts';
import { type SshLab, startSshLab } from '../../support/sshd.ts';
import { waitFor } from '../../support/wait-for.ts';

const skip = process.getuid?.() === 0 ? false : 'sshd needs root';
let lab: SshLab;
const { signal } = new AbortController();
/** Counts the logins on each host from now on. */
const countLogins = () => {
  const counts = () => lab.hosts.map((host) => host.log().match(/^Accepted publickey/gm)?.length ?? 0);
  const before = counts();
  return () => counts().map((count, i) => count - (before[i] ?? 0));
};

before(async () => {
  if (!skip) lab = await startSshLab(['alpha', 'beta', 'gamma']);
});
after(() => skip || lab.close());

test('of more connections than are to be kept, the one longest unused is closed', { skip }, async () => {
  const remote = lab.remote({ max_connections: 2 });
  const logins = countLogins();
  for (const host of ['alpha', 'beta', 'alpha', 'gamma', 'alpha', 'gamma', 'beta']) await remote.run(host, 'true');
  assert.deepEqual(logins(), [1, 2, 1]);
});

test('a connection in use is not closed for others', { skip }, async () => {
  const remote = lab.remote({ max_connections: 1 });
  const [began, go] = [join(lab.dir, 'began'), join(lab.dir, 'go')];
  const busy = remote.run('alpha', `touch ${began}; until [ -e ${go} ]; do sleep 0.1; done; exit 3`);
  while (!existsSync(began)) await sleep(50);
  const logins = countLogins();
  for (const host of ['beta', 'gamma', 'beta']) await remote.run(host, 'true');
  assert.deepEqual(logins(), [0, 2, 1]);
  writeFileSync(go, '');
  assert.equal((await busy).exitCode, 3);
});

test('a key at hand signs at once: sshd is not asked first whether it would do', { skip }, async () => {
  const remote = lab.remote();
  await remote.run('gamma', 'true');
  assert.doesNotMatch(lab.host('gamma').log(), /^Postponed publickey/m);
});

test('a command that is refused before it is sent takes no channel from those that follow', { skip }, async () => {
  const remote = lab.remote({ max_channels: 1 });
  await remote.run('alpha', 'true');
  const long = remote.runOnce('alpha', `: ${'x'.repeat(130_000)}`, { token: 'long' });
  await assert.rejects(long, (error) => isOpsError(error) && error.code === 'COMMAND_TOO_LONG');
  assert.equal((await remote.run('alpha', 'exit 3', { timeoutMs: 10_000 })).exitCode, 3);
});

test('sftp that a kept connection has no session for goes over a new one', { skip }, async () => {
  const narrow = await startSshLab(['delta'], ['MaxSessions 1']);
  const remote = narrow.remote();
  const root = () =>
    remote.sftp(
      'delta',
      { signal },
      (sftp) => new Promise<string>((done) => sftp.realpath('/', (_, path) => done(path))),
    );
  const logins = () =>
    narrow
      .host('delta')
      .log()
      .match(/^Accepted publickey/gm)?.length;
  const unavailable = (error: unknown) => isOpsError(error) && error.code === 'SFTP_UNAVAILABLE';
  try {
    // The host goes on counting the session in which it has refused the subsystem.
    await assert.rejects(root(), unavailable);
    await assert.rejects(root(), unavailable);
    assert.equal(logins(), 2);
    // As the error says: connections that are open know nothing of it.
    appendFileSync(join(narrow.dir, 'delta/sshd_config'), 'Subsystem sftp internal-sftp\n');
    process.kill(Number(readFileSync(join(narrow.dir, 'delta/pid'), 'utf8')), 'SIGHUP');
    await waitFor(
      () =>
        narrow
          .host('delta')
          .log()
          .match(/^Server listening/gm)?.length === 2,
    );
    assert.equal(await root(), '/');
    assert.equal(await root(), '/');
    assert.equal((await remote.run('delta', 'exit 3')).exitCode, 3);
    assert.equal(logins(), 3);
  } finally {
    await narrow.close();
  }
});

test('a host that gives no session at all is told as unreachable, for commands and files', { skip }, async () => {
  const closed = await startSshLab(['epsilon'], ['MaxSessions 0']);
  const remote = closed.remote();
  const refused = (error: unknown) =>
    isOpsError(error) && error.code === 'UNREACHABLE' && /open failed/.test(error.message);
  try {
    await assert.rejects(remote.run('epsilon', 'true'), refused);
    await assert.rejects(
      remote.sftp('epsilon', { signal }, () => Promise.resolve()),
      refused,
    );
  } finally {
    await closed.close();
  }
});
