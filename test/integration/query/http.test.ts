import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type RequestListener, createServer as plainServer } from 'node:http';
import { createServer as tlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { resolveQuery } from '../../../src/query/query.ts';
import { freePort } from '../../support/etcd.ts';
import { fails } from '../../support/fails.ts';
import { config, folded } from '../../unit/query/support.ts';

const dir = mkdtempSync(join(tmpdir(), 'sumac-query-http-'));
const path = (name: string) => join(dir, name);
const servers: ReturnType<typeof plainServer>[] = [];

before(() => {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  const key = (name: string) => [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    `${name}.key`,
  ];
  openssl('req', '-x509', ...key('ca'), '-out', 'ca.pem', '-subj', '/CN=ca', '-days', '2');
  writeFileSync(path('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1');
  for (const name of ['server', 'client']) {
    openssl('req', ...key(name), '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names'];
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signed);
  }
});
after(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  rmSync(dir, { recursive: true });
});

/** Starts a server, and returns the configuration that asks it. */
async function puppetdb(answer: RequestListener, tls = false): Promise<Record<string, unknown>> {
  const read = (name: string) => readFileSync(path(name));
  const own = { key: read('server.key'), cert: read('server.pem'), ca: read('ca.pem') };
  const server = tls ? tlsServer({ ...own, requestCert: true, rejectUnauthorized: true }, answer) : plainServer(answer);
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port, scheme: tls ? 'https' : 'http' };
}
const oneHost: RequestListener = (_, response) => response.end('[{"certname":"web1"}]');
const ask = (keys: object) => folded('P{web1}', { puppetdb: keys });

test('both sides show certificates, and neither is taken on trust', async () => {
  const server = await puppetdb(oneHost, true);
  const own = { ssl_client_cert: path('client.pem'), ssl_client_key: path('client.key') };
  assert.equal(await ask({ ...server, ...own, ssl_verify: path('ca.pem') }), 'web1');
  assert.equal(await ask({ ...server, ...own, ssl_verify: false }), 'web1');
  const untrusted =
    /^PuppetDB at https:\/\/127\.0\.0\.1:\d+: .*certificate.*: check puppetdb in the configuration: address, ssl_verify, client certificate$/;
  await fails(ask({ ...server, ...own }), 'failed', 'PUPPETDB_UNTRUSTED', untrusted);
  await fails(ask({ ...server, ssl_verify: path('ca.pem') }), 'failed', 'PUPPETDB_UNTRUSTED', /check puppetdb/);
});

test('files of certificates that are not there or not whole are named', async () => {
  const unreadable = (keys: object, message: RegExp) =>
    fails(ask(keys), 'usage', 'PUPPETDB_CONFIG_UNREADABLE', message);
  await unreadable({ ssl_verify: '/nowhere/ca.pem' }, /^puppetdb\.ssl_verify: cannot be read: .*\/nowhere\/ca\.pem/);
  await unreadable(
    { ssl_client_cert: '/nowhere' },
    /^puppetdb\.ssl_client_key: set both, the certificate and the key$/,
  );
});

test('a service that is away, or answers with an error of its own, may be asked again', async () => {
  const port = await freePort();
  const away = { host: '127.0.0.1', port, scheme: 'http' };
  await fails(
    ask(away),
    'transient',
    'PUPPETDB_UNREACHABLE',
    new RegExp(`^PuppetDB at http://127.0.0.1:${port} does not answer: .*ECONNREFUSED`),
  );
  const starting = await puppetdb((_, response) => response.writeHead(503).end('PuppetDB is starting\nup'));
  await fails(ask(starting), 'transient', 'PUPPETDB_REFUSED', /refuses the query with 503: PuppetDB is starting up$/);
  const cut = await puppetdb((_, response) => void response.write('[{"cert', () => response.destroy()));
  await fails(ask(cut), 'transient', 'PUPPETDB_UNREACHABLE', /does not answer: /);
});

test('an answer that never ends is given up after the time of the configuration', async () => {
  const slow = await puppetdb((_, response) => void response.write('['));
  const message = /^PuppetDB at http:\S+ gave no whole answer within 0\.3 s \(puppetdb\.timeout\)$/;
  await fails(ask({ ...slow, timeout: 0.3 }), 'transient', 'PUPPETDB_UNREACHABLE', message);
});

test('who no longer waits for the answer gets the reason back', async () => {
  const slow = await puppetdb((_, response) => void response.write('['));
  const gone = new AbortController();
  const waiting = resolveQuery('P{web1}', {
    config: config({ puppetdb: slow }),
    signal: gone.signal,
    warn: () => undefined,
  });
  setTimeout(() => gone.abort(new Error('CANCELLED')), 50);
  await assert.rejects(waiting, /^Error: CANCELLED$/);
});

test('an answer that lists no hosts is shown', async () => {
  for (const text of ['<html>\nproxy</html>', '{}', '[{"certname":1}]', '[null]']) {
    const odd = await puppetdb((_, response) => response.end(text));
    const shown = text.replace('\n', ' ').replace(/[[\]{}]/g, '\\$&');
    await fails(
      ask(odd),
      'failed',
      'PUPPETDB_ANSWER_INVALID',
      new RegExp(`answers /pdb/query/v4/nodes with no list of hosts: ${shown}$`),
    );
  }
});
