import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { SshConfigFiles } from '../../../src/remote/ssh-config-file.ts';
import { SshConfig } from '../../../src/remote/ssh-config.ts';
import { dump } from '../../../src/remote/ssh-dump.ts';
import { type HostOptions, optionsOf } from '../../../src/remote/ssh-options.ts';
import { fails } from '../../support/fails.ts';

const dir = mkdtempSync(join(tmpdir(), 'sumac-ssh-config-'));
after(() => {
  rmSync(dir, { recursive: true });
});
const write = (name: string, text: string) => {
  writeFileSync(join(dir, name), text, { mode: 0o600 });
  return join(dir, name);
};

/** What OpenSSH itself says of a host, in the terms of Sumac; or that it, or Sumac, refuses. */
async function asOpenSsh(text: string, host: string): Promise<HostOptions | 'refused'> {
  try {
    return optionsOf(await dump(text, host, 'someone'), host, 'someone');
  } catch {
    return 'refused';
  }
}

const hosts = ['web1', 'web2.lab', 'db1.lab', 'x'];
const from = <T>(...values: T[]) => fc.constantFrom(...values);
const some = (pattern: fc.Arbitrary<string>, separator = ' ') =>
  fc.array(pattern, { minLength: 1, maxLength: 3 }).map((all) => all.join(separator));
const pattern = from('web1', '*', '*.lab', 'web?', '!web1', '!*.lab', 'db*', '*.l?b', 'x', '"web1"', '!x', 'w[e]b1');
const path = from('~/k', '/k/%h', '/k/%n-%r-%p', '"/with space"', '/%d', '%%', '/k/%u-%k', 'none', '/%i%l%L');
const setting = fc.oneof(
  from('HostName %h.internal', 'HostName 10.0.0.1', 'HostName %%h', 'hostname = web1', 'HostName "a"', 'HostName %n'),
  from('Port 22', 'Port 2222', 'PORT=77', 'User admin', 'User  "two"', 'User root'),
  path.map((file) => `IdentityFile ${file}`),
  // Without spaces: in what \`ssh -G\` prints they cannot be told from those between files.
  some(path.filter((file) => !file.includes(' '))).map((files) => `UserKnownHostsFile ${files}`),
  some(from('/g', 'none', '/%h')).map((files) => `GlobalKnownHostsFile ${files}`),
  from('IdentitiesOnly yes', 'IdentitiesOnly no', 'CertificateFile ~/c', 'IdentityAgent none', 'IdentityAgent ~/%n'),
  from('IdentityAgent SSH_AUTH_SOCK', 'IdentityAgent $HOME', 'CertificateFile /%r'),
  some(from('jump', 'me@jump:77', '[::1]:77', 'ssh://me@jump:7'), ',').map((hops) => `ProxyJump ${hops}`),
  from('ProxyJump none', 'ProxyCommand none', 'ProxyCommand nc %h %p', 'ProxyCommand ssh -W "%h" x # no'),
  from('yes', 'no', 'off', 'ask', 'accept-new', 'YES').map((value) => `StrictHostKeyChecking ${value}`),
  from('ServerAliveInterval 0', 'ServerAliveInterval 7', 'ServerAliveInterval 1m', 'ServerAliveCountMax 9'),
  from('ConnectTimeout 3', 'ConnectTimeout 1m', 'ConnectTimeout none', 'HostKeyAlias al', 'RevokedHostKeys /r-%h'),
  from('AddressFamily inet', 'AddressFamily any', 'AddressFamily inet6', 'BindAddress 127.0.0.2', 'BindAddress ::1'),
  from('Ciphers aes128-ctr', 'Ciphers +aes128-cbc', 'Ciphers -*ctr', 'Ciphers aes128-ctr,none', 'MACs hmac-sha2-512'),
  from(
    'KexAlgorithms ^ecdh-sha2-nistp256',
    'KexAlgorithms "curve25519-sha256"',
    'KexAlgorithms sntrup761x25519-sha512',
  ),
  from('HostKeyAlgorithms ssh-ed25519,rsa-sha2-512', 'HostKeyAlgorithms -ssh-ed25519*', 'MACs ^hmac-sha1'),
  from('HashKnownHosts yes', 'CheckHostIP yes', 'SendEnv LANG LC_*', 'KnownHostsCommand none', '# note', '', ' \t '),
  from(
    'User a # note',
    'User a#b',
    "User 'q'",
    'User "q',
    'HostName a\\ b',
    'Compression',
    'Nonsense x',
    'Port abc',
    'MACs x',
  ),
);
const section = fc.oneof(
  { weight: 6, arbitrary: some(pattern).map((patterns) => `Host ${patterns}`) },
  { weight: 1, arbitrary: from('Match all', 'Host=x', 'host "web1" x') },
  {
    weight: 1,
    arbitrary: from(
      'Match host *.internal',
      'Match originalhost web1',
      'Match user admin',
      'Match host web1 user root',
      'Match exec "test %n = x"',
      'Match !host web1',
      'Match canonical all',
      'Match host web*.lab,!web2.lab',
      'Match !user admin,root originalhost *',
      'Match user two,adm?n host "*.lab,x"',
      'Match host WEB?',
      'Match localuser root,x exec "true"',
      'Match originalhost web* exec "true" host db*',
      'Match exec "test %n-%h-%r-%p = web1-web1-admin-2222"',
      'Match !exec "test %h = web2.lab.internal" host web2*',
      'Match host *.lab exec true exec "test %u%% = \'x\'"',
      'Match exec "test %L = x"',
      'Match !canonical host web1',
      'Match !all',
      'CanonicalizeHostname no',
    ),
  },
);
const include = from(1, 2).map((n) => `Include ${dir}/inc${n}`);
const line = fc.oneof({ weight: 6, arbitrary: setting }, { weight: 2, arbitrary: section });
const lines = (each: fc.Arbitrary<string>, maxLength: number) =>
  fc.array(each, { maxLength }).map((all) => all.map((one) => `${one}\n`).join(''));

test('generated configurations mean what `ssh -G` says they mean', async () => {
  let plain = 0;
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(
      lines(fc.oneof({ weight: 7, arbitrary: line }, { weight: 1, arbitrary: include }), 9),
      lines(line, 4),
      lines(line, 4),
      async (text, first, second) => {
        write('inc1', first);
        write('inc2', second);
        const files = new SshConfigFiles([write('config', text)], false);
        const config = new SshConfig(join(dir, 'config'));
        await Promise.all(
          hosts.map(async (host) => {
            const theirs = await asOpenSsh(text, host);
            const ours = await config.of(host, 'someone').catch(() => 'refused' as const);
            assert.deepEqual(ours, theirs, `${host}:\n${text}--- inc1\n${first}--- inc2\n${second}`);
            compared++;
            if (files.said(host, () => true) && theirs !== 'refused') plain++;
          }),
        );
      },
    ),
    { numRuns: Number(process.env['SSH_CONFIGS'] ?? 40) },
  );
  assert.ok(plain > compared / 10, `${plain} of ${compared} without asking ssh`);
});

test('what only OpenSSH evaluates is asked of it: Match, Match exec, canonical names, environment, escapes', async () => {
  const marker = join(dir, 'marker');
  const config = new SshConfig(
    write(
      'tricky',
      `Match originalhost one exec "test -e ${marker}"
  Port 1001
Match host two user admin
  Port 1002
Host three
  IdentityFile \${SUMAC_TEST_KEYS}/id
  User 'quoted'
CanonicalizeHostname yes
CanonicalDomains invalid
CanonicalizeFallbackLocal yes
Match final host two
  User final
`,
    ),
  );
  assert.equal((await config.of('one', 'root')).port, undefined);
  writeFileSync(marker, '');
  assert.equal((await new SshConfig(join(dir, 'tricky')).of('one', 'root')).port, 1001);
  assert.deepEqual(await config.of('two', 'root'), { user: 'final' });
  assert.equal((await config.of('three', 'root')).user, 'quoted');
});

test('hosts and users of `Match` need no program, however many hosts there are', async () => {
  const file = write(
    'matches',
    'Match originalhost web* user nobody,admin\n  Port 22\nMatch originalhost web*,!web7\n  Port 1001\n  User admin\n' +
      'Match host *.corp exec "ssh-would-be-asked"\n  Port 1002\nMatch canonical\n  Port 1003\nMatch all\n  User %u\n',
  );
  const { PATH } = process.env;
  process.env['PATH'] = dir;
  try {
    const config = new SshConfig(file);
    const all = await Promise.all(Array.from({ length: 1000 }, (_, i) => config.of(`web${i}`, 'root')));
    assert.deepEqual(
      all.flatMap(({ port, user }, i) => (port === 1001 && user === 'admin' ? [] : [i])),
      [7],
    );
  } finally {
    process.env['PATH'] = PATH;
  }
});

test('a command of `Match exec` is run once for all hosts for which it is the same, and again when the files change', async () => {
  const [once, each] = [join(dir, 'once'), join(dir, 'each')];
  const text = `Match originalhost a* exec "echo x >>${once}"
  Port 1001
Match originalhost b* exec "echo %n >>${each}; test %n != b2"
  Port 1002
Match !exec "exit 3"
  User three
`;
  const config = new SshConfig(write('commands', text));
  const names = ['a1', 'a2', 'a3', 'b1', 'b2', 'c'];
  const all = () => Promise.all(names.map((name) => config.of(name, 'root')));
  const ports = (await all()).map(({ port, user }) => [port, user]);
  await all();
  assert.deepEqual(
    ports,
    [1001, 1001, 1001, 1002, undefined, undefined].map((port) => [port, 'three']),
  );
  const lines = (file: string) => readFileSync(file, 'utf8').trim().split('\n');
  assert.deepEqual([lines(once), lines(each).sort()], [['x'], ['b1', 'b2']]);
  write('commands', `${text}# changed\n`);
  await all();
  assert.deepEqual(lines(once), ['x', 'x']);
  write('commands', 'Match originalhost a1 exec "kill $$"\n');
  await fails(config.of('a1', 'root'), 'usage', 'SSH_CONFIG_INVALID', /Match exec 'kill \$\$' was killed/);
});

test('of lists of algorithms those are taken that the library has, and a list of none is refused', async () => {
  const config = new SshConfig(
    write(
      'algorithms',
      'Host plus\n  Ciphers +aes128-cbc\n  KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256\n' +
        'Host none\n  KexAlgorithms sntrup761x25519-sha512@openssh.com\n',
    ),
  );
  const { algorithms } = await config.of('plus', 'root');
  assert.ok((algorithms?.cipher?.length ?? 0) > 3 && algorithms?.cipher?.at(-1) === 'aes128-cbc');
  assert.deepEqual(algorithms.kex, ['curve25519-sha256']);
  const message =
    /KexAlgorithms sntrup761x25519-sha512@openssh\.com \(for host none\): none of them is supported here$/;
  await fails(config.of('none', 'root'), 'usage', 'SSH_CONFIG_INVALID', message);
});

test('what Sumac cannot do is refused for the hosts it is said of, and what OpenSSH refuses for all', async () => {
  const config = new SshConfig(
    write(
      'refused',
      'Host behind\n  ProxyCommand nc %h %p\nHost asked\n  KnownHostsCommand /bin/keys %H\nHost coded\n  UserKnownHostsFile /k/%C\nHost free\n  IdentityFile /k/%C\n',
    ),
  );
  const refused = (host: string, message: RegExp) =>
    fails(config.of(host, 'root'), 'usage', 'SSH_CONFIG_INVALID', message);
  await refused(
    'behind',
    /^ssh\.config_file \S+refused: ProxyCommand is not supported \(for host behind\): use ProxyJump$/,
  );
  await refused('asked', /KnownHostsCommand is not supported \(for host asked\): list the keys/);
  await refused('free', /'\/k\/%C' \(for host free\): %C is not supported here/);
  assert.match((await config.of('coded', 'root')).userKnownHosts?.[0] ?? '', /^\/k\/[0-9a-f]{40}$/);
  write('refused', 'Host other\n\n  Nonsense yes\n');
  await refused('any', /refused: \S+refused: line 3: Bad configuration option: nonsense/);
});

test('without a file named, the files of OpenSSH count; none is none', async () => {
  const said = await new SshConfig(undefined).of('some.invalid', 'someone');
  const files = ['~/.ssh/config', '/etc/ssh/ssh_config'].map((file) => `Include ${file}\nMatch all\n`).join('');
  assert.deepEqual(said, await asOpenSsh(files, 'some.invalid'));
  assert.deepEqual(await new SshConfig('none').of('x', 'someone'), { user: 'someone' });
});
