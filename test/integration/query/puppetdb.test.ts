import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { HostSet } from '../../../src/model/host-set.ts';
import { folded, hosts } from '../../unit/query/support.ts';
import { type RecordedHttp, startRecorded } from '../../support/recorded-http.ts';
import { teach } from './puppetdb/fleet.ts';

// The answers are those of a real PuppetDB 7.12 about the hosts of fleet.ts; `puppetdb/record` asks one anew.
const real = process.env['SUMAC_PUPPETDB'];
let server: RecordedHttp;
before(async () => {
  if (real !== undefined) await teach(real);
  const services = real === undefined ? undefined : { '/pdb': real };
  server = await startRecorded(join(import.meta.dirname, 'puppetdb/answers.json'), services);
});
after(() => server.stop());

const keys = () => {
  const { hostname: host, port } = new URL(server.origin);
  return { default_backend: 'puppetdb', puppetdb: { host, port: Number(port), scheme: 'http' } };
};
async function give(cases: Record<string, string>) {
  for (const [query, expected] of Object.entries(cases))
    assert.deepEqual([...(await hosts(query, keys()))], expected === '' ? [] : [...HostSet.parse(expected)], query);
}

test('hosts are those that PuppetDB knows, by name and pattern', async () => {
  await give({
    '*': 'cloudvirt1001.eqiad,db2.codfw,db1.eqiad,web10.codfw,web[1-2].eqiad',
    'web[1-3].eqiad': 'web[1-2].eqiad',
    'web*.eqiad or db1.eqiad': 'db1.eqiad,web[1-2].eqiad',
    'web*,db[1-2].*': 'db2.codfw,db1.eqiad,web10.codfw,web[1-2].eqiad',
    '"db1.eqiad"': 'db1.eqiad',
    'web1.eqiad,nope': 'web1.eqiad',
    nope: '',
  });
});

test('and, or, not and parentheses work as they read', async () => {
  await give({
    'web* and not *.codfw': 'web[1-2].eqiad',
    'not web*': 'cloudvirt1001.eqiad,db2.codfw,db1.eqiad',
    'not (web* or db*)': 'cloudvirt1001.eqiad',
    '*.eqiad and (web* or db*)': 'db1.eqiad,web[1-2].eqiad',
    '*.eqiad and not (web* or db*)': 'cloudvirt1001.eqiad',
  });
});

test('facts are compared as text, numbers, booleans and by regular expressions', async () => {
  await give({
    'F:processorcount = 4': 'web10.codfw,web1.eqiad',
    'F:processorcount = 04': 'web10.codfw,web1.eqiad',
    'F:processorcount = 0x20': 'db1.eqiad',
    'F:processorcount >= 31 and F:is_virtual = false': 'cloudvirt1001.eqiad,db2.codfw,db1.eqiad',
    'F:processorcount < 8': 'web10.codfw,web1.eqiad',
    'F:load = 0.5': 'web10.codfw,web1.eqiad',
    'f:is_virtual = true and not *.codfw': 'web[1-2].eqiad',
    'F:kernelrelease = 6.1.0-4-amd64': 'web10.codfw,web1.eqiad',
    'F:kernelrelease ~ "^6\\.1\\.0-(4|8)-"': 'web10.codfw,web[1-2].eqiad',
    'F:path = "C:\\\\db1"': 'db1.eqiad',
    'F:path ~ "C:\\\\db"': 'db2.codfw,db1.eqiad',
    'F:processorcount = "4"': '',
  });
});

test('inventory paths reach into structured facts', async () => {
  await give({
    'I:facts.os.release.major = "13"': 'cloudvirt1001.eqiad,db2.codfw,web2.eqiad',
    'I:facts.os."distro_codename" = x': '',
    'I:facts.disks[0].size > 800 and not db1.eqiad': 'cloudvirt1001.eqiad,db2.codfw',
    'I:trusted.certname ~ "^web"': 'web10.codfw,web[1-2].eqiad',
  });
});

test('resources are asked by type, title, parameter and field', async () => {
  await give({
    'R:package': 'db2.codfw,db1.eqiad,web10.codfw,web[1-2].eqiad',
    'R:Package = nginx': 'web10.codfw,web[1-2].eqiad',
    'R:package ~ "^maria" and not *.codfw': 'db1.eqiad',
    'R:nginx::site': 'web10.codfw,web[1-2].eqiad',
    'R:nginx::site ~ "a}b"': 'web10.codfw,web[1-2].eqiad',
    'R:nginx::site%pattern ~ "a.*b"': 'web10.codfw,web[1-2].eqiad',
    'R:package%ensure = 1.22.1': 'web10.codfw,web[1-2].eqiad',
    'R:package@tag = web': 'web10.codfw,web[1-2].eqiad',
    'R:file@line > 100': 'web10.codfw,web2.eqiad',
    'R:nagios_host@exported = true': 'db2.codfw,db1.eqiad',
    'R:class = role::web': 'web10.codfw,web[1-2].eqiad',
    'R:class ~ "Role::Db"': 'db2.codfw,db1.eqiad',
    'R:file = /etc/nginx/nginx.conf and web1*': 'web10.codfw,web1.eqiad',
  });
});

test('classes, roles and profiles, with their parameters', async () => {
  await give({
    'C:nginx': 'web10.codfw,web[1-2].eqiad',
    'O:web': 'web10.codfw,web[1-2].eqiad',
    'O:db::primary or O:cloud::virt': 'cloudvirt1001.eqiad,db1.eqiad',
    'P:mariadb': 'db2.codfw,db1.eqiad',
    'P:nginx%port = 443': 'web10.codfw,web2.eqiad',
    'P:nginx%tls = false': 'web1.eqiad',
    'C:profile::nginx%server_name ~ "s(80|81)[.].*"': 'web1.eqiad',
    'O:web@line = 10': 'web10.codfw,web[1-2].eqiad',
  });
});

test('a query asks about one resource at a time: two of them are joined by the global grammar', async () => {
  await give({
    'C:nginx and R:package = nginx': '',
    'P{C:nginx} and P{R:package = nginx} and not P{*.codfw}': 'web[1-2].eqiad',
    'P{O:web} and P{F:processorcount = 4} or D{other1}': 'other1,web10.codfw,web1.eqiad',
  });
});

test('what PuppetDB refuses is told in its words', async () => {
  const refusals: Record<string, RegExp> = {
    'F:kernelrelease ~ "("':
      /^PuppetDB at http:\S+ refuses the query with 400: ERROR: invalid regular expression: parentheses \(\) not balanced$/,
    'R:package@nope = 1':
      /refuses the query with 400: 'nope' is not a queryable object for resources\. Known queryable objects are 'certname'/,
    'F:processorcount > many': /refuses the query with 400: Operator '>' not allowed on value 'many'$/,
  };
  for (const [query, message] of Object.entries(refusals))
    await assert.rejects(folded(query, keys()), { kind: 'failed', code: 'PUPPETDB_REFUSED', message });
});
