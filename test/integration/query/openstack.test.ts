import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { HostSet } from '../../../src/model/host-set.ts';
import { fails } from '../../support/fails.ts';
import { type RecordedHttp, startRecorded } from '../../support/recorded-http.ts';
import { file, hosts } from '../../unit/query/support.ts';

// The answers are those of a real Keystone 22 and Nova 26 that openstack/fill.py has told of projects and servers.
// With SUMAC_KEYSTONE and SUMAC_NOVA (addresses such as http://127.0.0.1:5000) they are asked anew and written down.
const { SUMAC_KEYSTONE: keystone, SUMAC_NOVA: nova } = process.env;
const real = keystone === undefined || nova === undefined ? undefined : { '/v3': keystone, '/v2': nova };
let services: RecordedHttp;
before(async () => {
  services = await startRecorded(join(import.meta.dirname, 'openstack/answers.json'), real);
});
after(() => services.stop());

const passwords = { right: file('right', 'lab\n'), wrong: file('wrong', 'not this one\n') };
const ask = (query: string, keys: object = {}) =>
  hosts(query, {
    default_backend: 'openstack',
    openstack: { auth_url: services.origin, username: 'reader', password_file: passwords.right, timeout: 120, ...keys },
  });
async function give(cases: Record<string, string>, keys: object = {}) {
  for (const [query, expected] of Object.entries(cases))
    assert.deepEqual([...(await ask(query, keys))], expected === '' ? [] : [...HostSet.parse(expected)], query);
}

test('active servers of every enabled project but admin, named with project and suffix', async () => {
  await give({ '*': 'db1.tools,web[1-2].tools,web1.deploy' });
  await give({ '*': 'db1.tools.cloud,web[1-2].tools.cloud,web1.deploy.cloud' }, { domain_suffix: 'cloud' });
});

test('Nova filters by project, name and state', async () => {
  await give({
    'project:tools': 'db1.tools,web[1-2].tools',
    'project:tools name:^web': 'web[1-2].tools',
    'name:web1': 'web1.tools,web1.deploy',
    'project:tools status:SHUTOFF vm_state:stopped': 'web3.tools',
    'status:ERROR vm_state:error': 'old.deploy',
    'name:nothing': '',
    'O{project:tools} and not D{db1.tools}': 'web[1-2].tools',
  });
});

test('a microversion is spoken', async () => {
  await give({ 'project:deploy': 'web1.deploy' }, { nova_api_version: '2.12' });
});

test('a wrong password, a project without the user and one that is disabled are told as such', async () => {
  const refused = (query: string, message: RegExp, keys: object = {}) =>
    fails(ask(query, keys), 'failed', 'OPENSTACK_REFUSED', message);
  await refused('*', /^OpenStack at http:\S+ lets reader not in \(401\): .*requires authentication/, {
    password_file: passwords.wrong,
  });
  await refused('project:nowhere', /lets reader not in to the project 'nowhere' \(401\): .*requires authentication/);
  await refused('project:off', /lets reader not in to the project 'off' \(401\): .*requires authentication/);
});

test('what records answers anew writes down what it was answered', { skip: real && 'is recording' }, async () => {
  const anew = file('answers.json', '');
  const recorder = await startRecorded(anew, { '/v3': services.origin, '/v2': services.origin });
  const found = [...(await ask('*', { auth_url: recorder.origin }))];
  await recorder.stop();
  assert.deepEqual(found, [...(await ask('*'))]);
  const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as { path: string; answer: unknown }[];
  const known = read(join(import.meta.dirname, 'openstack/answers.json'));
  const written = read(anew);
  assert.ok(written.length > 5);
  for (const { path, answer } of written)
    assert.ok(
      known.some((one) => one.path === path && isDeepStrictEqual(one.answer, answer)),
      path,
    );
});
