/** Hosts are reached as the OpenSSH configuration and their site say. */
import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { OpsError } from '../../../src/model/errors.ts';
import { Remote } from '../../../src/remote/remote.ts';
import { type SshLab, makeKey, startSshLab } from '../../support/sshd.ts';

let lab: SshLab;
before(async () => {
  lab = await startSshLab(
    ['web1', 'jump1'],
    ['KexAlgorithms ecdh-sha2-nistp384', 'Ciphers aes192-ctr', 'MACs hmac-sha2-512'],
  );
  const web1 = lab.host('web1');
  appendFileSync(lab.knownHosts, `[localhost]:${web1.port} ${web1.hostKey()}\n`);
});
after(() => lab.close());

/** What web1 says to `true`, or the code and message of why it is not reached. */
async function reached(ssh: object, rest: object = {}): Promise<string> {
  const remote = new Remote(lab.configWith({ connect_timeout_seconds: 10, ...ssh }, rest));
  try {
    return await remote.text('web1', 'echo here');
  } catch (error) {
    if (error instanceof OpsError) return `${error.code} ${error.message}`;
    throw error;
  } finally {
    await remote.close();
  }
}
let files = 0;
/** A configuration that says more of web1. */
function withLines(lines: string, hostName = '127.0.0.1'): { config_file: string } {
  const config_file = join(lab.dir, `config${++files}`);
  const { port } = lab.host('web1');
  writeFileSync(config_file, `Host web1\n  HostName ${hostName}\n  Port ${port}\n${lines}\n`);
  return { config_file };
}

for (const [keyword, good, bad] of [
  ['KexAlgorithms', 'ecdh-sha2-nistp384,curve25519-sha256', 'curve25519-sha256,ecdh-sha2-nistp256'],
  ['Ciphers', 'aes192-ctr', 'aes128-ctr,aes256-ctr'],
  ['MACs', 'hmac-sha2-256,hmac-sha2-512', 'hmac-sha2-256'],
  ['HostKeyAlgorithms', 'rsa-sha2-512,ssh-ed25519', 'rsa-sha2-512'],
] as const)
  test(`${keyword} are obeyed`, async () => {
    assert.equal(await reached(withLines(`${keyword} ${good}`)), 'here\n');
    assert.match(await reached(withLines(`${keyword} ${bad}`)), /^HANDSHAKE_FAILED web1: .*no matching/);
  });

test('AddressFamily and BindAddress are obeyed', async () => {
  assert.equal(await reached(withLines('AddressFamily inet')), 'here\n');
  assert.equal(await reached(withLines('AddressFamily inet', 'localhost')), 'here\n');
  assert.match(await reached(withLines('AddressFamily inet6', 'localhost')), /^(UNREACHABLE|HOST_UNKNOWN) .*localhost/);
  const refused = /^SSH_CONFIG_INVALID AddressFamily inet6 \(for host web1\): its address 127\.0\.0\.1 is another/;
  assert.match(await reached(withLines('AddressFamily inet6')), refused);
  assert.equal(await reached(withLines('BindAddress 127.0.0.7')), 'here\n');
  assert.match(lab.host('web1').log(), /Connection from 127\.0\.0\.7 port/);
});

test('a jump host whose key nobody verifies is named with the hosts behind it', async () => {
  const edge = (strict: string) => ({ hosts: 'jump*', jump_host: 'none', strict_host_key_checking: strict });
  const unverified = async (strict: string) => {
    const sites = { inner: { hosts: 'web*', jump_host: 'jump1' }, edge: edge(strict) };
    const remote = new Remote(lab.configWith({}, { sites }));
    try {
      return await remote.unverified(['web1', 'web2']);
    } finally {
      await remote.close();
    }
  };
  assert.deepEqual(await unverified('no'), ['jump1']);
  assert.deepEqual(await unverified('accept-new'), ['jump1']);
  assert.deepEqual(await unverified('yes'), []);
});

test('a site has a jump host of its own, itself reached directly', async () => {
  const sites = { inner: { hosts: 'web*', jump_host: 'jump1' }, edge: { hosts: 'jump*', jump_host: 'none' } };
  const before = lab.host('jump1').log().split('Accepted publickey').length;
  assert.equal(await reached({}, { sites }), 'here\n');
  assert.equal(lab.host('jump1').log().split('Accepted publickey').length, before + 1);
  assert.equal(await reached({ jump_host: 'nowhere' }, { sites }), 'here\n');
  appendFileSync(lab.sshConfig, 'Host web1\n  ProxyJump none\n');
  assert.equal(await reached({}, { sites: { inner: { hosts: 'web*', jump_host: 'nowhere' } } }), 'here\n');
});

test('a site has a user of its own, unless the OpenSSH configuration names one', async () => {
  const sites = { inner: { hosts: 'web*', user: 'nobody-of-this-site' } };
  assert.match(
    await reached({}, { sites }),
    /^NO_KEY_ACCEPTED web1 accepts no key for user nobody-of-this-site; tried /,
  );
  const { username } = userInfo();
  assert.equal(await reached(withLines(`User ${username}`), { sites }), 'here\n');
});

test('a site has identity files of its own, instead of those of all', async () => {
  const foreign = join(lab.dir, 'foreign');
  makeKey(foreign);
  const site = (...identity_files: string[]) => ({ sites: { inner: { hosts: 'web*', identity_files } } });
  assert.match(await reached({ identity_files: [foreign] }), /^NO_KEY_ACCEPTED web1 .*foreign/);
  assert.equal(await reached({ identity_files: [foreign] }, site(lab.key)), 'here\n');
  assert.match(await reached({}, site(foreign)), /^NO_KEY_ACCEPTED web1 .*foreign/);
});
