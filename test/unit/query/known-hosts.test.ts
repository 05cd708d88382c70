import assert from 'node:assert/strict';
import { test } from 'node:test';
import { file, folded } from './support.ts';

const knownhosts = {
  files: [
    file(
      'known_hosts',
      `# comment

host1,192.0.2.1 ssh-ed25519 AAAA
host2 ssh-ed25519 AAAA
[host3]:2222 ssh-ed25519 AAAA
|1|abc=|def= ssh-ed25519 AAAA
@revoked host4 ssh-ed25519 AAAA
@cert-authority host5,*.example ssh-ed25519 AAAA
!host6,host7 ssh-ed25519 AAAA
@other host8 ssh-ed25519 AAAA
host9 ssh-ed25519
host1? ssh-ed25519 AAAA
2001:db8::1,[192.0.2.9]:22,host11 ssh-ed25519 AAAA
host14.eqiad ssh-ed25519 AAAA comment here
`,
    ),
    file('more_known_hosts', 'host2,other1 ssh-rsa AAAA\n'),
  ],
};
const known = (query: string, warnings: string[] = []) => folded(query, { knownhosts }, warnings);

test('names are taken from every kind of line that has one', async () => {
  const warnings: string[] = [];
  assert.equal(await known('K{*}', warnings), 'host[1-3,5-7,11],host14.eqiad,other1');
  assert.deepEqual(warnings, [
    `${knownhosts.files[0]}:10: the marker @other is unknown`,
    `${knownhosts.files[0]}:11: a line has names, a type and a key`,
  ]);
});

test('unknown names vanish, patterns match whole names', async () => {
  const cases = {
    'K{host[1-20]}': 'host[1-3,5-7,11]',
    'K{nope}': '',
    'K{host?}': 'host[1-3,5-7]',
    'K{host*&*1}': 'host[1,11]',
    'K{*!host*}': 'other1',
    'K{*[1-2]}': 'host[1-2,11],other1',
    'K{host[1-2]!nope,other1}': 'host[1-2],other1',
    'K{* and not host*}': 'other1',
    'K{host*^host[1-2]}': 'host[3,5-7,11],host14.eqiad',
    'K{host1} or D{nope}': 'host1,nope',
    'K{192*}': '',
  };
  for (const [query, hosts] of Object.entries(cases)) assert.equal(await known(query), hosts, query);
});

test('without files, or with one that cannot be read, it says so', async () => {
  await assert.rejects(folded('K{a}'), /no 'knownhosts.files' in the configuration, needed for K\{...\}/);
  await assert.rejects(folded('K{a}', { knownhosts: { files: ['/none'] } }), /known_hosts file \/none: ENOENT/);
});
