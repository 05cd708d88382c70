import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { testCli } from '../../support/cookbook-cli.ts';

// No Temporal server answers there: none is needed.
const cli = testCli(`\
cookbooks_base_dirs: [${import.meta.dirname}]
logs_base_dir: DIRECTORY/logs
temporal: { address: '127.0.0.1:1' }
knownhosts: { files: [DIRECTORY/known_hosts] }
`);
writeFileSync(join(cli.directory, 'aliases.yaml'), 'web: D{web[1-3]}\n');
writeFileSync(join(cli.directory, 'known_hosts'), `web1,web2 ssh-ed25519 ${'A'.repeat(68)}\n`);
after(() => cli.stop());

test('the hosts of a query are printed folded, one a line, or as JSON, without a worker', async () => {
  const query = 'A:web and not D{web2} or D{web10}';
  assert.deepEqual(await cli.run(['hosts', query]), { code: 0, stdout: 'web[1,3,10]\n', stderr: '' });
  assert.equal((await cli.run(['hosts', query, '--expand'])).stdout, 'web1\nweb3\nweb10\n');
  const { stdout } = await cli.run(['hosts', '--json', query]);
  assert.deepEqual(JSON.parse(stdout), { hosts: ['web1', 'web3', 'web10'], folded: 'web[1,3,10]', count: 3 });
});

test('no host is said on stderr and is no failure', async () => {
  const none = 'No hosts found that matches the query\n';
  assert.deepEqual(await cli.run(['hosts', 'a and b']), { code: 0, stdout: '', stderr: none });
  const { stdout } = await cli.run(['hosts', '--json', 'a and b']);
  assert.deepEqual(JSON.parse(stdout), { hosts: [], folded: '', count: 0 });
});

test('a bad query, an unknown alias, and more hosts than asked for end with 2 and one line', async () => {
  const refusals: [string[], RegExp][] = [
    [
      ['hosts', 'web1 or'],
      /^query 'web1 or' is neither .* at character 8\) nor in the global grammar \(.* at character 1\)$/,
    ],
    [['hosts', 'A:wub'], /^Unable to find alias replacement for 'wub' in .*aliases.yaml: did you mean web\?$/],
    [['hosts', 'web[3-1]'], /^hosts 'web\[3-1\]': .*, at character \d+$/],
    [
      ['--max-hosts', '2', 'hosts', 'A:web'],
      /^3 hosts match the query 'A:web', at most 2 are allowed: narrow it, or allow them with --max-hosts 3$/,
    ],
    [['--max-hosts', 'many', 'hosts', 'A:web'], /^--max-hosts 'many': write a number of hosts, 1 or more$/],
  ];
  for (const [args, line] of refusals) {
    const { code, stdout, stderr } = await cli.run(args);
    assert.deepEqual([code, stdout], [2, ''], stderr);
    assert.match(stderr.trimEnd(), line);
    assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  }
});

test('--backend stands in for the default backend of the configuration', async () => {
  assert.deepEqual(await cli.run(['hosts', 'web[1-9]']), { code: 0, stdout: 'web[1-9]\n', stderr: '' });
  const known = ['--backend', 'knownhosts', 'web*'];
  assert.deepEqual(await cli.run(['hosts', ...known]), { code: 0, stdout: 'web[1-2]\n', stderr: '' });
  const { code, stdout } = await cli.run(['exec', ...known]);
  assert.deepEqual([code, stdout], [0, 'web[1-2]\n']);
  for (const command of ['hosts', 'exec'])
    assert.deepEqual(await cli.run([command, '--backend', 'nope', 'web1']), {
      code: 2,
      stdout: '',
      stderr: "--backend: 'nope' is no backend, known are direct, knownhosts, openstack, puppetdb\n",
    });
});
