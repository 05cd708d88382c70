import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { testCli, type TestCli } from '../../support/cookbook-cli.ts';
import { type RecordedHttp, startRecorded } from '../../support/recorded-http.ts';
import { startSshLab, type SshLab } from '../../support/sshd.ts';
import { startTemporal, type TemporalServer } from '../../support/temporal.ts';

let lab: SshLab;
let server: TemporalServer;
let puppetdb: RecordedHttp;
let cli: TestCli;

before(async () => {
  [lab, server, puppetdb] = await Promise.all([
    startSshLab(['web1.eqiad', 'web2.eqiad', 'web10.codfw']),
    startTemporal(),
    startRecorded(join(import.meta.dirname, 'puppetdb/answers.json')),
  ]);
  const { hostname, port } = new URL(puppetdb.origin);
  cli = testCli(`\
cookbooks_base_dirs: [DIRECTORY]
logs_base_dir: DIRECTORY/logs
state_dir: DIRECTORY/state
temporal: { address: '${server.address}' }
puppetdb: { host: ${hostname}, port: ${port}, scheme: http }
ssh: { config_file: ${lab.sshConfig}, identity_files: [${lab.key}], known_hosts: [${lab.knownHosts}], agent: false }
`);
  mkdirSync(join(cli.directory, 'cookbooks'));
  writeFileSync(
    join(cli.directory, 'cookbooks/where.ts'),
    `import type { Command, Spicerack } from 'sumac';
     export const title = 'Says where it runs';
     export const argumentParser = (parser: Command) => parser.argument('<query>');
     export const hosts = ({ query }: { query: string }) => query;
     export async function run(_: unknown, spicerack: Spicerack) {
       const hosts = spicerack.hosts;
       const write = async () => (await hosts.runSync('basename $HOME; echo x >>$HOME/ran')).results;
       const results = await spicerack.step('say', { write, undo: () => Promise.resolve() });
       spicerack.report([hosts.folded, results.map(({ output }) => output.trim())]);
     }`,
  );
  await cli.worker();
});
after(async () => {
  await cli.stop();
  await puppetdb.stop();
  await server.stop();
  await lab.close();
});

test('a cookbook runs on the hosts that PuppetDB names, and on no other', async () => {
  const { code, stdout, stderr } = await cli.run(['where', 'P{O:web} and P{F:processorcount = 4}']);
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), ['web10.codfw,web1.eqiad', ['web10.codfw', 'web1.eqiad']]);
  const ran = (host: string) => readFileSync(join(lab.dir, host, 'ran'), 'utf8');
  assert.deepEqual(['web10.codfw', 'web1.eqiad'].map(ran), ['x\n', 'x\n']);
  assert.throws(() => ran('web2.eqiad'), /ENOENT/);
});

test("what PuppetDB refuses ends the run before it starts, in PuppetDB's words", async () => {
  const { code, stderr } = await cli.run(['where', 'P{R:package@nope = 1}']);
  assert.equal(code, 94);
  assert.match(stderr, /PuppetDB at http:\S+ refuses the query with 400: 'nope' is not a queryable object/);
});
