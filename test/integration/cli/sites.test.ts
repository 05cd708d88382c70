import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type RunStatusReport, names as signals } from '../../../src/model/run.ts';
import { testCli, type TestCli } from '../../support/cookbook-cli.ts';
import { type SshLab, startSshLab } from '../../support/sshd.ts';
import { startTemporal, type TemporalServer } from '../../support/temporal.ts';

const names = ['db1.main', 'db1.east', 'db1.west'];
let lab: SshLab;
let server: TemporalServer;
const clis: TestCli[] = [];

/** The CLI in a network from which only one of the hosts is reached. */
function cliIn(network: string): TestCli {
  const reached = (name: string) => (name.endsWith(network) ? lab.host(name).port : 1);
  const config = join(lab.dir, `ssh-${network}`);
  writeFileSync(config, names.map((name) => `Host ${name}\n  HostName 127.0.0.1\n  Port ${reached(name)}\n`).join(''));
  const cli = testCli(`\
cookbooks_base_dirs: [${lab.dir}]
logs_base_dir: DIRECTORY/logs
state_dir: DIRECTORY/state
temporal: { address: '${server.address}' }
ssh: { config_file: '${config}', identity_files: ['${lab.key}'], known_hosts: ['${lab.knownHosts}'], agent: false }
sites:
  east: { hosts: '*.east', task_queue: far-east }
  west: { hosts: 'db[1-9].west', strict_host_key_checking: 'no' }
`);
  clis.push(cli);
  return cli;
}

before(async () => {
  [lab, server] = await Promise.all([startSshLab(names), startTemporal()]);
  mkdirSync(join(lab.dir, 'cookbooks'));
  writeFileSync(
    join(lab.dir, 'cookbooks/everywhere.ts'),
    `import type { Args, Spicerack } from 'sumac';
     export const title = 'Ask every host who it is';
     export async function run(_: Args, spicerack: Spicerack) {
       const hosts = await spicerack.remote().query('db1.main,db1.east,db1.west');
       const results = await spicerack.step('ask', { write: () => hosts.runSync('echo $HOME >>${lab.dir}/said'), undo: 'impossible' });
       spicerack.report(results.results.map(({ host, ok }) => [host, ok]));
     }`,
  );
});
after(async () => {
  await Promise.all(clis.map((cli) => cli.stop()));
  await Promise.all([lab.close(), server.stop()]);
});

test('each host is served by the worker of its site; a site without one is named until there is one', async () => {
  const [main, east, west] = ['main', 'east', 'west'].map(cliIn) as [TestCli, TestCli, TestCli];
  const worker = await main.worker();
  const eastern = east.start(['worker', '--site', 'east']);
  await eastern.until(/worker polls far-east at .* activities only/);
  const run = main.start(['everywhere']);
  await run.until(/! the host keys of db1\.west are not verified/);
  await run.until(/ask: no worker on sumac-west: is one running\? \('cookbook worker --site west'\)/);
  const said = () => (existsSync(join(lab.dir, 'said')) ? readFileSync(join(lab.dir, 'said'), 'utf8') : '');
  assert.ok(!said().includes('west'));
  const western = west.start(['worker', '--site', 'west']);
  const { code, stderr } = await run.ended;
  assert.equal(code, 0, `${stderr}\n${worker.output}${eastern.output}${western.output}`);
  assert.deepEqual(
    said().trim().split('\n').sort(),
    ['db1.east', 'db1.main', 'db1.west'].map((name) => join(lab.dir, name)),
  );
  const unverified: unknown[] = [];
  for await (const { workflowId } of server.client.workflow.list({ query: "WorkflowType = 'everywhere'" })) {
    const status = await server.client.workflow.getHandle(workflowId).query<RunStatusReport>(signals.status);
    unverified.push(status.unverified);
  }
  assert.deepEqual(unverified, [['db1.west']]);
  const logs = readFileSync(join(main.directory, 'logs/everywhere.log'), 'utf8');
  assert.match(logs, /WARNING.*the host keys of db1\.west are not verified/);
});

test('a site that the configuration does not name has no worker', async () => {
  const { code, stderr } = await cliIn('main').run(['worker', '--site', 'north']);
  assert.notEqual(code, 0);
  assert.match(stderr, /no site 'north' in the configuration: 'sites' names east, west/);
});
