import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { after, before, beforeEach, test } from 'node:test';
import { fails } from '../../support/fails.ts';
import { file, folded } from '../../unit/query/support.ts';

// What Cumin 6 asks, as it was seen to ask it, and what no real OpenStack can be made to answer.
interface Asked {
  url: string;
  project?: string | undefined;
  version?: string | undefined;
}
let asked: Asked[] = [];
let answers: Record<string, { status: number; body: unknown }> = {};
let server: Server;
let origin = '';
const passwordFile = file('password', 'hunter2\n');

before(async () => {
  server = createServer((request, response) => {
    void textOf(request).then((text) => {
      const { url = '', headers } = request;
      const path = url.replace(/^http:\/\/[^/]+/, '');
      const scope = text === '' ? undefined : (JSON.parse(text) as { auth: { scope?: unknown } }).auth.scope;
      const project = (scope as { project: { name: string } } | undefined)?.project.name;
      const version = headers['x-openstack-nova-api-version'];
      asked.push({ url, project: project ?? String(headers['x-auth-token']), version: version?.toString() });
      const endpoints = ['public', 'internal'].map((one) => ({
        interface: one,
        region: 'east',
        url: `${origin}/${one}`,
      }));
      const usual: Record<string, unknown> = {
        '/v3/auth/tokens': {
          token: {
            catalog: [
              { type: 'compute', endpoints },
              { type: 'image', endpoints: [] },
            ],
          },
        },
        '/v3/projects?enabled=True': {
          projects: ['one', 'two', 'admin']
            .map((name) => ({ name, enabled: true }))
            .concat({ name: 'off', enabled: false }),
        },
      };
      const { status = path === '/v3/auth/tokens' ? 201 : 200, body = usual[path] } = answers[path] ?? {};
      response.writeHead(status, { 'X-Subject-Token': `token of ${project ?? 'nobody'}` });
      response.end(JSON.stringify(body ?? { servers: [{ name: 'vm1' }, { name: 'vm2' }] }));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  [asked, answers] = [[], {}];
});
after(() => {
  server.close();
  server.closeAllConnections();
});
const ask = (query: string, keys: object = {}) =>
  folded(query, {
    openstack: { auth_url: origin, username: 'reader', password_file: passwordFile, ...keys },
  });
const lists = () => asked.flatMap(({ url }) => (/\/servers\/detail/.test(url) ? [url] : []));

test("every enabled project but admin is asked, with Cumin's filters", async () => {
  assert.equal(await ask('O{*}'), 'vm[1-2].one,vm[1-2].two');
  assert.deepEqual(
    asked.slice(0, 2).map(({ url, project }) => [url, project]),
    [
      ['/v3/auth/tokens', 'undefined'],
      ['/v3/projects?enabled=True', 'token of nobody'],
    ],
  );
  const list = '/public/servers/detail?status=ACTIVE&vm_state=ACTIVE';
  assert.deepEqual(
    asked
      .filter(({ url }) => url === list)
      .map(({ project }) => project)
      .sort(),
    ['token of one', 'token of two'],
  );
});

test('the query, query_params and client_params say what is asked', async () => {
  const keys = {
    auth_url: `${origin}/v3/`,
    domain_suffix: 'cloud.example',
    nova_api_version: '2.12',
    client_params: { region_name: 'east', endpoint_type: 'internal' },
    query_params: { project: 'other', flavor: 'x' },
  };
  assert.equal(await ask('O{project:two name:foo}', keys), 'vm[1-2].two.cloud.example');
  assert.deepEqual(asked, [
    { url: '/v3/auth/tokens', project: 'two', version: undefined },
    {
      url: '/internal/servers/detail?status=ACTIVE&vm_state=ACTIVE&flavor=x&name=foo',
      project: 'token of two',
      version: '2.12',
    },
  ]);
  assert.equal(await ask('O{*}', keys), 'vm[1-2].other.cloud.example');
});

test('filters are read as Cumin reads them', async () => {
  const filters: Record<string, string> = {
    'name:"a b"': 'name=a+b',
    "name:'a b' x_y.z-1:1": 'name=a+b&x_y.z-1=1',
    'name:a  name:b': 'name=b',
    'name:^web[0-9]+$': 'name=%5Eweb%5B0-9%5D%2B%24',
    'name:a:b': 'name=a%3Ab',
    'name:"a}b"': 'name=a%7Db',
    'name:"a': 'name=%22a',
    'name:""': '',
  };
  for (const [query, sent] of Object.entries(filters)) {
    asked = [];
    await ask(`O{project:one ${query}}`);
    assert.deepEqual(lists(), [`/public/servers/detail?status=ACTIVE&vm_state=ACTIVE${sent && `&${sent}`}`], query);
  }
  asked = [];
  await ask('O{project:one status:ERROR vm_state:error}');
  assert.deepEqual(lists(), ['/public/servers/detail?status=ERROR&vm_state=error']);
});

test('what are no filters is pointed at', async () => {
  const mistakes: Record<string, RegExp> = {
    'O{}': /'\*', or a key in lower case expected, not the end, at character 3/,
    'O{n:a}': /'\*', or a key in lower case expected, not 'n', at character 3/,
    'O{Name:a}': /expected, not 'Name', at character 3/,
    'O{name}': /':' after name expected, not the end, at character 7/,
    'O{name: a}': /a value of name expected, not ' ', at character 8/,
    'O{name :a}': /':' after name expected, not ' '/,
    'O{name:a and name:b}': /':' after and expected/,
    'O{(name:a)}': /expected, not '\('/,
    'O{* name:a}': /the end of the query expected, not 'name'/,
    'O{name:a *}': /key in lower case expected, not '\*'/,
    'O{name:(a)}': /a value of name expected, not '\('/,
  };
  for (const [query, message] of Object.entries(mistakes)) await fails(ask(query), 'usage', 'QUERY_INVALID', message);
  assert.deepEqual(asked, []);
});

test('a long list comes in pages', async () => {
  const page = (names: string[], marker?: string) => ({
    status: 200,
    body: {
      servers: names.map((name) => ({ name })),
      ...(marker !== undefined && {
        servers_links: [{ rel: 'next', href: `https://inside/v2.1/servers/detail?marker=${marker}` }],
      }),
    },
  });
  answers = {
    '/public/servers/detail?status=ACTIVE&vm_state=ACTIVE': page(['a1', 'a2'], '2'),
    '/public/servers/detail?marker=2': page(['a3'], '3'),
    '/public/servers/detail?marker=3': page([]),
  };
  assert.equal(await ask('O{project:one}'), 'a[1-3].one');
});

test('who may not list all projects is given those that he may enter', async () => {
  answers = {
    '/v3/projects?enabled=True': { status: 403, body: { error: { message: 'not you' } } },
    '/v3/auth/projects': { status: 200, body: { projects: [{ name: 'two' }] } },
  };
  assert.equal(await ask('O{*}'), 'vm[1-2].two');
});

test('a refusal is told in the words of the service, and never holds the password', async () => {
  answers = { '/v3/auth/tokens': { status: 401, body: { error: { message: 'The request needs hunting.' } } } };
  await fails(
    ask('O{project:one}'),
    'failed',
    'OPENSTACK_REFUSED',
    /^OpenStack at http:\S+ lets reader not in to the project 'one' \(401\): \{"error":\{"message":"The request needs hunting."\}\}$/,
  );
  answers = { '/public/servers/detail?status=ACTIVE&vm_state=ACTIVE': { status: 503, body: 'busy' } };
  await fails(
    ask('O{*}'),
    'transient',
    'OPENSTACK_REFUSED',
    /does not list the servers of '(one|two)' \(503\): "busy"$/,
  );
  answers = { '/v3/auth/tokens': { status: 201, body: { token: 1 } } };
  await fails(
    ask('O{project:one}'),
    'failed',
    'OPENSTACK_ANSWER_INVALID',
    /answers \/v3\/auth\/tokens with .*expected object/,
  );
});

test('what is missing in the configuration is named', async () => {
  await fails(
    folded('O{*}'),
    'usage',
    'OPENSTACK_NOT_CONFIGURED',
    /^no 'openstack.username' in the configuration, needed for O\{...\}$/,
  );
  await fails(
    ask('O{*}', { password_file: '/nowhere' }),
    'usage',
    'OPENSTACK_CONFIG_UNREADABLE',
    /^openstack.password_file cannot be read: .*\/nowhere/,
  );
  await fails(
    ask('O{project:one}', { client_params: { region_name: 'west' } }),
    'failed',
    'OPENSTACK_NO_ENDPOINT',
    /^OpenStack has no public endpoint of Nova in west \(openstack.client_params\): known are public in east, internal in east$/,
  );
});

test('requests go through the proxy of the configuration', async () => {
  // The server above takes requests for any host, as a proxy does.
  await ask('O{project:one}', { auth_url: 'http://keystone.invalid:5000', proxy_url: origin });
  assert.equal(asked[0]?.url, 'http://keystone.invalid:5000/v3/auth/tokens');
});
