import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { keysOf, parseKnownHosts } from '../../../src/remote/known-hosts.ts';
import { fails } from '../../support/fails.ts';
import { type SshLab, makeKey, startSshLab } from '../../support/sshd.ts';

let lab: SshLab;
/** A worker of a configuration, and the warnings it gave. */
function worker(ssh: object = {}, rest: object = {}) {
  const warnings: string[] = [];
  const remote = lab.remote(ssh, rest, { warn: (message) => warnings.push(message) });
  return { remote, warnings };
}
const write = (name: string, text: string) => {
  writeFileSync(join(lab.dir, name), text, { mode: 0o600 });
  return join(lab.dir, name);
};

before(async () => {
  lab = await startSshLab(['alpha', 'beta']);
});
after(() => lab.close());

test('known_hosts files list for a name what ssh-keygen finds in them', () => {
  const keys = ['one', 'two', 'three'].map((name) => {
    makeKey(join(lab.dir, name));
    return readFileSync(join(lab.dir, `${name}.pub`), 'utf8').trim();
  });
  const file = join(lab.dir, 'generated');
  const names = ['web1', 'web2.lab', '[web1]:2222', '10.0.0.7'];
  const pattern = fc.constantFrom(
    ...names,
    '*',
    'web?',
    '*.lab',
    '!web1',
    '!*.lab',
    '[web?]:*',
    '![*]:2222',
    'WEB1',
    '10.*',
  );
  const line = fc
    .record({
      marker: fc.constantFrom('', '', '', '@revoked ', '@cert-authority '),
      patterns: fc.array(pattern, { minLength: 1, maxLength: 3 }).map((all) => all.join(',')),
      key: fc.constantFrom(...keys),
    })
    .map(({ marker, patterns, key }) => `${marker}${patterns} ${key}`);
  const other = fc.constantFrom('', '# note', 'nonsense', '  ');
  const text = fc
    .array(fc.oneof({ weight: 5, arbitrary: line }, { weight: 1, arbitrary: other }), { maxLength: 6 })
    .map((lines) => lines.map((each) => `${each}\n`).join(''));
  fc.assert(
    fc.property(text, fc.boolean(), (content, hashed) => {
      writeFileSync(file, content);
      // It refuses files with lines that it cannot read.
      if (hashed) spawnSync('ssh-keygen', ['-H', '-f', file], { stdio: 'ignore' });
      const now = readFileSync(file, 'utf8');
      for (const name of names) {
        const { stdout } = spawnSync('ssh-keygen', ['-F', name, '-f', file], { encoding: 'utf8' });
        const theirs = [...stdout.matchAll(/^# Host .* found: line (\d+) ?(\w*)/gm)].map(([, n, m]) => `${n} ${m}`);
        const ours = keysOf(parseKnownHosts(now, file), name)
          .filter(({ unreadable }) => !unreadable)
          .sort((a, b) => a.line - b.line)
          .map((key) => `${key.line} ${key.marker === undefined ? '' : key.marker === 'revoked' ? 'REVOKED' : 'CA'}`);
        assert.deepEqual(ours, theirs, `${name} in\n${now}`);
      }
    }),
    { numRuns: 40 },
  );
});

test('a host is trusted exactly when ssh trusts it', async () => {
  const { port } = lab.host('alpha');
  const key = lab.host('alpha').hostKey();
  const other = lab.host('beta').hostKey();
  const [type, base64] = key.split(' ');
  const files: Record<string, string> = {
    plain: `[127.0.0.1]:${port} ${key}\n`,
    'without port': `127.0.0.1 ${key}\n`,
    'of another port': `[127.0.0.1]:1 ${key}\n`,
    'another key': `[127.0.0.1]:${port} ${other}\n`,
    'another key and this one': `[127.0.0.1]:${port} ${other}\n[127.0.0.1]:${port} ${key}\n`,
    'another key for the port, this one without': `[127.0.0.1]:${port} ${other}\n127.0.0.1 ${key}\n`,
    pattern: `[127.0.*]:* ${key}\n`,
    negated: `*,![127.0.0.1]:${port},!127.0.0.1 ${key}\n`,
    revoked: `[127.0.0.1]:${port} ${key}\n@revoked * ${key}\n`,
    'another one revoked': `[127.0.0.1]:${port} ${key}\n@revoked * ${other}\n`,
    'revoked without port': `[127.0.0.1]:${port} ${key}\n@revoked 127.0.0.1 ${key}\n`,
    'a certificate authority': `@cert-authority * ${key}\n`,
    'of another type': `[127.0.0.1]:${port} ssh-rsa ${base64}\n`,
    'cut off': `[127.0.0.1]:${port} ${type} ${base64?.slice(0, 30)}\n`,
    empty: '',
  };
  for (const [name, text] of Object.entries(files)) {
    const file = write('judged', text);
    const args = [
      'BatchMode=yes',
      'StrictHostKeyChecking=yes',
      `UserKnownHostsFile=${file}`,
      'GlobalKnownHostsFile=none',
    ];
    const { status } = spawnSync(
      'ssh',
      ['-F', 'none', '-i', lab.key, '-p', `${port}`, ...args.flatMap((arg) => ['-o', arg]), 'root@127.0.0.1', 'true'],
      { stdio: 'ignore' },
    );
    const { remote } = worker({ known_hosts: [file] });
    const ours = await remote.run('alpha', 'true').then(
      () => 0,
      () => 255,
    );
    assert.equal(ours, status, name);
  }
});

test('a line of a certificate authority vouches for nothing, and the error says so', async () => {
  const file = write('authority', `# one\n@cert-authority * ${lab.host('alpha').hostKey()}\n`);
  const { remote } = worker({ known_hosts: [file] });
  await fails(
    remote.run('alpha', 'true'),
    'failed',
    'HOST_KEY_UNKNOWN',
    /authority line 2 trusts a certificate authority for it, but host certificates are not supported: list the key itself/,
  );
});

test('a line that may revoke a key and cannot be read, and a file that cannot be read, let nobody in', async () => {
  const { port } = lab.host('alpha');
  const listed = `[127.0.0.1]:${port} ${lab.host('alpha').hostKey()}\n`;
  const garbled = worker({ known_hosts: [write('garbled', `${listed}@revoked * ssh-ed25519 AAAA\n`)] });
  await fails(garbled.remote.run('alpha', 'true'), 'usage', 'KNOWN_HOSTS_UNREADABLE', /garbled line 2 cannot be read/);
  const folder = worker({ known_hosts: [lab.knownHosts, lab.dir] });
  await fails(folder.remote.run('alpha', 'true'), 'usage', 'KNOWN_HOSTS_UNREADABLE', /EISDIR/);
});

test('RevokedHostKeys bars its keys; a list that cannot be read bars all', async () => {
  const revoked = write('revoked_keys', `# stolen\n${lab.host('alpha').hostKey()} stolen\n`);
  const config = (file: string) => ({
    config_file: write('revoking', `${readFileSync(lab.sshConfig, 'utf8')}Host *\n  RevokedHostKeys ${file}\n`),
  });
  const { remote } = worker(config(revoked));
  await fails(remote.run('alpha', 'true'), 'failed', 'HOST_KEY_REVOKED', /revoked_keys line 2 revokes/);
  assert.equal(await remote.text('beta', 'echo yes'), 'yes\n');
  execFileSync('ssh-keygen', ['-q', '-k', '-f', join(lab.dir, 'krl'), join(lab.dir, 'alpha/host_key.pub')]);
  for (const file of ['krl', 'nothing'])
    await fails(
      worker(config(join(lab.dir, file))).remote.run('beta', 'true'),
      'usage',
      'KNOWN_HOSTS_UNREADABLE',
      file === 'krl' ? /revocation lists of ssh-keygen -k are not supported/ : /ENOENT/,
    );
});

test('strict_host_key_checking: no takes any key of the hosts of its site, tells of each connection, and never takes a revoked one', async () => {
  const none = write('no_known_hosts', '');
  const sites = { lab: { hosts: 'alpha', strict_host_key_checking: 'no' } };
  const { remote, warnings } = worker({ known_hosts: [none] }, { sites });
  assert.equal(await remote.text('alpha', 'echo one'), 'one\n');
  assert.equal(await remote.text('alpha', 'echo two'), 'two\n');
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0] ?? '',
    /^alpha shows the host key ssh-ed25519 SHA256:\S+, and no key of it is known.*accepted all the same/,
  );
  await fails(remote.run('beta', 'true'), 'failed', 'HOST_KEY_UNKNOWN', /^beta shows/);
  remote.forget('alpha');
  const { port } = lab.host('alpha');
  write('no_known_hosts', `[127.0.0.1]:${port} ${lab.host('beta').hostKey()}\n`);
  await remote.run('alpha', 'true');
  assert.match(warnings[1] ?? '', /^alpha shows .* but .*no_known_hosts line 1 expects .*accepted all the same/);
  write('no_known_hosts', `@revoked * ${lab.host('alpha').hostKey()}\n`);
  await fails(remote.run('alpha', 'true'), 'failed', 'HOST_KEY_REVOKED', /line 1 revokes/);
  assert.equal(warnings.length, 2);
});

test('accept-new takes and notes an unknown key, never a changed one, and only where it is said', async () => {
  const none = write('nobody_known', '');
  const config_file = write(
    'accepting',
    `Host beta\n  StrictHostKeyChecking accept-new\n${readFileSync(lab.sshConfig, 'utf8')}`,
  );
  const first = worker({ known_hosts: [none], config_file });
  await first.remote.run('beta', 'true');
  assert.match(
    first.warnings.join('\n'),
    /^beta shows the host key .* accepted, as StrictHostKeyChecking is accept-new/,
  );
  const accepted = join(lab.dir, 'state/known_hosts.d.accepted');
  assert.equal(readFileSync(accepted, 'utf8'), `[127.0.0.1]:${lab.host('beta').port} ${lab.host('beta').hostKey()}\n`);
  const second = worker({ known_hosts: [none], config_file });
  await second.remote.run('beta', 'true');
  assert.deepEqual(second.warnings, []);
  await fails(worker({ known_hosts: [none] }).remote.run('beta', 'true'), 'failed', 'HOST_KEY_UNKNOWN', /^beta shows/);
  const host = lab.host('beta');
  await host.kill();
  host.newHostKey();
  await host.start();
  await fails(
    second.remote.run('beta', 'true'),
    'failed',
    'HOST_KEY_MISMATCH',
    /known_hosts\.d\.accepted line 1 expects/,
  );
});
