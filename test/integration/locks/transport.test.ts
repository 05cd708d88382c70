import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import dns from 'node:dns/promises';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { activities } from '../../../activities/index.ts';
import type { EtcdConfig } from '../../../src/locks/etcd-options.ts';
import { Etcd } from '../../../src/locks/etcd.ts';
import { createdAt, look, put } from '../../../src/locks/requests.ts';
import { isOpsError } from '../../../src/model/errors.ts';
import { inActivity } from '../../support/activity.ts';
import { callOf } from '../../support/call.ts';
import { freePort, startEtcd } from '../../support/etcd.ts';
import { startNameServer } from '../../support/name-server.ts';

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'sumac-transport-'));
});
after(() => {
  rmSync(dir, { recursive: true });
});

/** Writes a key bound to a lease, reads it, renews, watches and revokes: every request a lock makes. */
async function exercise(config: EtcdConfig): Promise<void> {
  const etcd = new Etcd(config);
  try {
    const lease = await etcd.grant(10);
    const { succeeded, revision } = await etcd.transact([createdAt('/t', '0')], [put('/t', 'x', lease)]);
    assert.ok(succeeded);
    assert.equal(await etcd.renew(lease), 10);
    const gone = etcd.changed('/t', revision, 60_000, new AbortController().signal);
    assert.ok(await etcd.revoke(lease));
    await gone;
    const { found } = await etcd.transact([], [look('/t')]);
    assert.deepEqual(found, [[]]);
  } finally {
    await etcd.close();
  }
}

const fails = (kind: string, code: string, text: RegExp) => (error: unknown) =>
  isOpsError(error) && error.kind === kind && error.code === code && text.test(error.message);

test(
  'a user with its password from a file is let in, a wrong password is refused for good',
  { timeout: 60_000 },
  async () => {
    const server = await startEtcd();
    try {
      for (const args of [
        ['user', 'add', 'root:secret'],
        ['user', 'grant-role', 'root', 'root'],
        ['auth', 'enable'],
      ])
        await server.ctl(...args);
      const password_file = join(dir, 'password');
      const config = { hosts: [server.url], username: 'root', password_file };
      writeFileSync(password_file, 'secret\n');
      await exercise(config);
      writeFileSync(password_file, 'wrong\n');
      const text = /etcd http:.*authentication failed.*see etcd.username and etcd.password_file/;
      await assert.rejects(exercise(config), fails('failed', 'ETCD_REFUSED', text));
      await assert.rejects(exercise({ hosts: [server.url] }), fails('failed', 'ETCD_REFUSED', /user name is empty/));
    } finally {
      await server.stop();
    }
  },
);

test('a user without the right to a key is told which rights are needed', { timeout: 60_000 }, async () => {
  const server = await startEtcd();
  try {
    const password_file = join(dir, 'password');
    writeFileSync(password_file, 'secret\n');
    for (const args of [
      ['user', 'add', 'root:secret'],
      ['user', 'grant-role', 'root', 'root'],
      ['user', 'add', 'nobody:secret'],
      ['auth', 'enable'],
    ])
      await server.ctl(...args);
    const text =
      /permission denied; grant the role of etcd\.username 'readwrite' on the prefixes \/spicerack\/ and \/sumac\/$/;
    const config = { hosts: [server.url], username: 'nobody', password_file };
    await assert.rejects(exercise(config), fails('failed', 'ETCD_REFUSED', text));
  } finally {
    await server.stop();
  }
});

test(
  'a lock is kept over the restart of an etcd with users, which then knows no login',
  { timeout: 60_000 },
  async () => {
    const server = await startEtcd();
    const password_file = join(dir, 'password');
    writeFileSync(password_file, 'secret\n');
    for (const args of [
      ['user', 'add', 'root:secret'],
      ['user', 'grant-role', 'root', 'root'],
      ['auth', 'enable'],
    ])
      await server.ctl(...args);
    const etcd = new Etcd({ hosts: [server.url], username: 'root', password_file });
    try {
      const lease = await etcd.grant(60);
      assert.equal(await etcd.renew(lease), 60);
      await server.kill();
      await server.start();
      assert.equal(await etcd.renew(lease), 60);
    } finally {
      await etcd.close();
      await server.stop();
    }
  },
);

test('the members are found by the SRV records of a domain', { timeout: 60_000 }, async () => {
  const [server, names] = [await startEtcd(), await startNameServer()];
  const before = dns.getServers();
  dns.setServers([`127.0.0.1:${names.port}`]);
  try {
    await assert.rejects(
      exercise({ srv_domain: 'example.test' }),
      fails(
        'transient',
        'ETCD_UNAVAILABLE',
        /^etcd example\.test: etcd\.srv_domain: no SRV records _etcd-client-ssl\._tcp, .* of example\.test/,
      ),
    );
    names.records.set('_etcd-client._tcp.example.test', [
      { priority: 0, port: await freePort(), target: 'localhost' },
      { priority: 1, port: Number(new URL(server.url).port), target: 'localhost' },
    ]);
    for (let round = 0; round < 3; round++) await exercise({ srv_domain: 'example.test' });
  } finally {
    dns.setServers(before);
    await names.close();
    await server.stop();
  }
});

test('certificates of both sides are checked', { timeout: 60_000 }, async () => {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  openssl(
    ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem'.split(
      ' ',
    ),
  );
  writeFileSync(join(dir, 'ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  for (const name of ['server', 'client']) {
    openssl(
      ...`req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`.split(
        ' ',
      ),
    );
    openssl(
      ...`x509 -req -days 2 -in ${name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile ext -out ${name}.pem`.split(
        ' ',
      ),
    );
  }
  const file = (name: string) => join(dir, name);
  const server = await startEtcd(
    [
      '--cert-file',
      file('server.pem'),
      '--key-file',
      file('server.key'),
      '--client-cert-auth',
      '--trusted-ca-file',
      file('ca.pem'),
    ],
    'https',
  );
  try {
    const own = { cert: file('client.pem'), key: file('client.key') };
    await exercise({ hosts: [server.url], ca_cert: file('ca.pem'), ...own });
    await assert.rejects(
      exercise({ hosts: [server.url], ca_cert: file('ca.pem') }),
      fails('failed', 'ETCD_REFUSED', /^etcd https:.*; see etcd\.ca_cert, etcd\.cert and etcd\.key$/),
    );
    await assert.rejects(
      exercise({ hosts: [server.url], ...own }),
      fails('failed', 'ETCD_REFUSED', /certificate.*; see etcd\.ca_cert/),
    );
  } finally {
    await server.stop();
  }
});

test('a missing certificate file is named when the client is made', () => {
  const hosts = ['https://127.0.0.1:1'];
  assert.throws(
    () => new Etcd({ hosts, ca_cert: '/nowhere/ca.pem' }),
    fails('usage', 'ETCD_CONFIG_UNREADABLE', /^etcd\.ca_cert: cannot be read: .*\/nowhere\/ca\.pem/),
  );
  assert.throws(
    () => new Etcd({ hosts, cert: '/nowhere/cert.pem' }),
    fails('usage', 'ETCD_CONFIG_UNREADABLE', /^etcd\.key: set both/),
  );
  assert.throws(
    () => new Etcd({ hosts, username: 'me' }),
    fails('usage', 'ETCD_CONFIG_UNREADABLE', /^etcd\.username: /),
  );
});

test('the other members serve while one of them is down', { timeout: 60_000 }, async () => {
  const server = await startEtcd();
  try {
    const down = `http://127.0.0.1:${await freePort()}`;
    for (let round = 0; round < 5; round++) await exercise({ hosts: [down, server.url] });
  } finally {
    await server.stop();
  }
});

test('etcd that is away is a transient error that names it', async () => {
  const hosts = [`http://127.0.0.1:${await freePort()}`];
  await assert.rejects(
    exercise({ hosts }),
    fails('transient', 'ETCD_UNAVAILABLE', /^etcd http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/),
  );
});

test('without etcd in the configuration, or with --no-locks, nothing is locked and nothing asked', async () => {
  const input = { kind: 'custom' as const, name: 'x', concurrency: 1, ttlSeconds: 60 };
  const none = { key: '', leaseId: '', revision: '' };
  const etcd = new Etcd({ hosts: [`http://127.0.0.1:${await freePort()}`] });
  const noLocks = { etcd, context: { ...callOf({}).context, noLocks: true } };
  for (const call of [callOf({}), callOf({ etcd }, { context: noLocks.context })]) {
    assert.deepEqual(await inActivity(() => activities['locks.acquire'].run(input, call)), none);
    await inActivity(() => activities['locks.keep'].run({ ...none, ttlSeconds: 60 }, call));
    assert.deepEqual(
      await inActivity(() => activities['locks.release'].run({ kind: 'custom', name: 'x', leaseId: '' }, call)),
      { released: false },
    );
  }
});
