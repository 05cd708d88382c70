import { WorkflowClient, type WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { type RunInput, contextHeader } from '../../../src/model/run.ts';
import { Remote } from '../../../src/remote/remote.ts';
import type { Going, TestCli } from '../../support/cookbook-cli.ts';
import { beatsOf, type LabCli, startLabCli, until } from '../../support/lab-cli.ts';
import type { SshLab } from '../../support/sshd.ts';
import type { TemporalServer } from '../../support/temporal.ts';
import { operator, resultOf } from '../../support/world/engine.ts';

/** Cookbooks as an operator would write them. */
const cookbooks = {
  batch: `
    const hosts = await spicerack.remote().query('web[1-6]');
    const step = { write: async () => (await hosts.runSync(args)).execution, undo: () => Promise.resolve() };
    spicerack.report((await spicerack.step('run', step)).results.map(({ host, index, ok }) => host + ':' + index + ':' + ok));`,
  reboot: `
    const { only = 'web[1-3]', ...options } = args;
    const hosts = (await spicerack.remote().query('web[1-3]', options)).getSubset(only);
    await spicerack.step('reboot', { write: () => hosts.reboot({ batchSleep: '100ms' }), undo: 'impossible' });
    spicerack.report((await hosts.uptime()).every(([, seconds]) => seconds > 0));`,
  since: `
    const hosts = await spicerack.remote().query('web[1-3]');
    await spicerack.step('booted', { check: () => hosts.waitRebootSince(args.since) });
    spicerack.report(true);`,
  cluster: `
    const hosts = await spicerack.remote().query('web[1-4]');
    const { services, ...options } = args;
    const cluster = hosts.loadBalanced();
    const results = services ? await cluster.restartServices(services, options) : await cluster.run(args);
    spicerack.report(results.results.map(({ host, ok }) => host + ':' + ok));`,
  confctl: `
    const { tags, maxHosts, ...options } = args;
    const cluster = await spicerack.remote().queryConfctl('node', tags, { maxHosts });
    if (options.commands) await cluster.run(options);
    spicerack.report(cluster.hosts.folded);`,
};

const hosts = ['web1', 'web2', 'web3', 'web4', 'web5', 'web6'];

let lab: SshLab;
let temporal: TemporalServer;
let cli: TestCli;
let stop: LabCli['stop'];
let worker: Going;

before(async () => {
  const config = ({ dir }: SshLab) => ({ hooks: { pool: join(dir, 'pool') }, ssh: { fanout: 2, slice_size: 3 } });
  ({ lab, server: temporal, cli, stop } = await startLabCli(hosts, { config }));
  mkdirSync(file('cookbooks/exec'), { recursive: true });
  for (const [name, body] of Object.entries(cookbooks))
    writeFileSync(
      file(`cookbooks/exec/${name}.ts`),
      `import type { Spicerack } from 'sumac';
       export const title = 'test';
       export async function run(args: never, spicerack: Spicerack) {${body}}`,
    );
  writeFileSync(file('pool'), poolHook, { mode: 0o755 });
  await installReboot();
  worker = await cli.worker();
});
after(() => stop());

/** Before there is any worker, as a shell that one keeps on a host would know nothing of it. */
async function installReboot(): Promise<void> {
  const remote = new Remote(lab.config);
  for (const host of hosts.slice(0, 3)) {
    const bin = join(lab.dir, host, 'bin');
    mkdirSync(bin);
    const script = `#!/bin/sh\n${note('reboots')}\ncat /proc/sys/kernel/random/uuid >$HOME/boot_id\n`;
    writeFileSync(join(bin, 'reboot-host'), script);
    chmodSync(join(bin, 'reboot-host'), 0o755);
    const sudo = `#!/bin/sh\n${note('sudo')}\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n`;
    writeFileSync(join(bin, 'sudo'), sudo, { mode: 0o755 });
    writeFileSync(join(lab.dir, host, '.bashrc'), `export PATH=${bin}:$PATH\n`);
    // Without it a run would reboot this machine.
    for (const program of ['reboot-host', 'sudo'])
      assert.equal(await remote.text(host, `command -v ${program}`), `${bin}/${program}\n`);
  }
  await remote.close();
}

const file = (name: string) => join(lab.dir, name);
/** Which host wrote what, in the order in which it did. */
const lines = (name: string) =>
  existsSync(file(name))
    ? readFileSync(file(name), 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.replace(/\/\S+$/, (home) => basename(home)))
    : [];
const note = (name: string) => `echo $HOME >>${file(name)}`;
const on = (names: string, what: string) => `case $HOME in */web[${names}]) ${what};; esac`;
const untilGo = (name: string) => `while [ ! -e ${file(name)} ]; do sleep 0.1; done`;

/** A load balancer in files: an empty one a host that serves, and one whose lines are hosts and their tags. */
const poolHook = `#!/bin/sh
dir=$(dirname "$0")
echo "$*" >>"$dir/pool.log"
what=$1
if [ "$what" = hosts ]; then
  shift 2
  while read -r name tags; do
    for tag; do
      printf '%s\\n' "name=$name" $tags | sed -n "s/^\${tag%%=*}=//p" | grep -Eq "\${tag#*=}" || continue 2
    done
    echo "$name"
  done <"$dir/objects"
  exit
fi
shift 2
for host; do
  case $what in
  pooled) [ ! -e "$dir/pooled.$host" ] || echo "$host" ;;
  depool) rm -f "$dir/pooled.$host" ;;
  repool) : >"$dir/pooled.$host" ;;
  esac
done
`;

let runs = 0;
const start = (
  cookbook: keyof typeof cookbooks,
  args: Record<string, unknown>,
  dryRun = false,
): Promise<WorkflowHandle> => {
  const header = { [contextHeader]: defaultPayloadConverter.toPayload({ ...operator, dryRun }) };
  const client = new WorkflowClient({
    connection: temporal.client.connection,
    interceptors: [{ startWithDetails: (given, next) => next({ ...given, headers: { ...given.headers, ...header } }) }],
  });
  const input: RunInput = { argv: [], args };
  const options = { taskQueue: 'sumac', workflowId: `exec.${cookbook}/${++runs}`, args: [input] as [RunInput] };
  return client.start(`exec.${cookbook}`, options);
};

test('slices that run at the same time share one budget: what fails in one keeps the others from starting more', async () => {
  const command = `${note('shared')}; ${on('1', 'exit 3')}; ${untilGo('go-shared')}`;
  const handle = await start('batch', { commands: [command] });
  await until(() => lines('shared').length === 4);
  const stopped = async () => {
    return (await beatsOf(handle)).some(({ failed, stopped }) => failed === 0 && stopped === true);
  };
  await until(stopped);
  writeFileSync(file('go-shared'), '');
  const { error } = await resultOf(handle);
  assert.match(error ?? '', /failed on 1 of 6 hosts: web1: exit status 3; web\[3,6\] not contacted$/);
  assert.deepEqual(lines('shared').sort(), ['web1', 'web2', 'web4', 'web5']);
});

test('batches go from one slice to the next with the failures that are left', async () => {
  const command = `${note('turn')}; ${on('24', 'exit 3')}`;
  const args = { commands: [command], batchSize: 1, successThreshold: 0.8 };
  const { error } = await resultOf(await start('batch', args));
  assert.match(error ?? '', /failed on 2 of 6 hosts: web\[2,4\]: exit status 3; web\[5-6\] not contacted$/);
  assert.deepEqual(lines('turn'), ['web1', 'web2', 'web3', 'web4']);
});

test('a threshold that is met is success, and the next command leaves out who failed', async () => {
  const args = { commands: [on('3', 'exit 3'), note('met')], successThreshold: 0.5 };
  const { report, error } = await resultOf(await start('batch', args));
  assert.equal(error, undefined);
  const rest = hosts.filter((host) => host !== 'web3');
  assert.deepEqual(report, [
    ...hosts.map((host) => `${host}:0:${host !== 'web3'}`),
    ...rest.map((host) => `${host}:1:true`),
  ]);
  assert.deepEqual(lines('met').sort(), rest);
});

test('an option that cannot be is refused before anything is started', async () => {
  const { error } = await resultOf(await start('batch', { commands: [note('refused')], batchSize: '1%' }));
  assert.match(error ?? '', /^batchSize: "1%" of 6 hosts is no host: give a number, or a larger percentage$/);
  assert.deepEqual(lines('refused'), []);
});

test('a worker killed in the middle of a batch is followed by one that goes on, and nothing runs twice', async () => {
  const command = `echo + $HOME >>${file('killed')}; ${on('45', untilGo('go-killed'))}; echo - $HOME >>${file('killed')}`;
  const handle = await start('batch', { commands: [command], batchSize: 2 });
  await until(() => lines('killed').filter((line) => line.startsWith('+')).length === 5);
  worker.kill('SIGKILL');
  await worker.ended;
  worker = await cli.worker();
  writeFileSync(file('go-killed'), '');
  assert.equal((await resultOf(handle)).error, undefined);
  const began = lines('killed').filter((line) => line.startsWith('+'));
  assert.deepEqual(
    began.sort(),
    hosts.map((host) => `+ ${host}`),
  );
  let under = 0;
  for (const line of lines('killed')) assert.ok((under += line.startsWith('+') ? 1 : -1) <= 2);
});

test('several hosts are rebooted one after the other, each once the one before is back by its boot id', async () => {
  const { report, error } = await resultOf(await start('reboot', {}));
  assert.deepEqual([report, error], [true, undefined]);
  assert.deepEqual(lines('reboots'), ['web1', 'web2', 'web3']);
  assert.deepEqual(lines('sudo'), []);
});

test('hosts that need sudo are told to reboot by it, one alone too', async () => {
  await resultOf(await start('reboot', { only: 'web[1-2]', useSudo: true }));
  assert.deepEqual(lines('reboots').slice(3), ['web1', 'web2']);
  assert.deepEqual(lines('sudo').slice(0, 2), ['web1', 'web2']);
  const before = lines('sudo').length;
  await resultOf(await start('reboot', { only: 'web3', useSudo: true }));
  assert.deepEqual(lines('reboots').slice(5), ['web3']);
  assert.deepEqual(lines('sudo').slice(before), ['web3', 'web3'], 'for the uptime too');
});

test('hosts that were booted since a moment are told by their uptime, and a moment in seconds is refused', async () => {
  const before = Date.now() - (uptime() + 600) * 1000;
  assert.deepEqual((await resultOf(await start('since', { since: before }))).report, true);
  const { error } = await resultOf(await start('since', { since: Math.floor(before / 1000) }));
  assert.match(error ?? '', /waitRebootSince: \d+ is no moment of the past in milliseconds/);
});

test('a host that refuses to reboot keeps the next ones from it, and all are named', async () => {
  writeFileSync(join(lab.dir, 'web2', 'bin', 'reboot-host'), '#!/bin/sh\necho busy\nexit 3\n');
  const { error } = await resultOf(await start('reboot', {}));
  assert.match(error ?? '', /^web2: web2 refuses to reboot \(exit status 3\): busy; web3 not rebooted/);
  assert.deepEqual(lines('reboots').slice(6), ['web1']);
});

test('a cluster is worked on batch by batch, and only what was pooled is depooled and repooled', async () => {
  for (const host of ['web1', 'web2', 'web3']) writeFileSync(file(`pooled.${host}`), '');
  const args = { commands: [note('cluster')], batchSize: 2, batchSleep: '100ms', svcToDepool: ['www'] };
  const handle = await start('cluster', args);
  const { report, error } = await resultOf(handle);
  assert.equal(error, undefined);
  const { events } = await handle.fetchHistory();
  const rests = (events ?? []).filter(({ timerStartedEventAttributes }) => timerStartedEventAttributes);
  assert.equal(rests.length, 1, 'one between two batches, none after the last');
  assert.deepEqual(report, ['web1:true', 'web2:true', 'web3:true', 'web4:true']);
  assert.deepEqual(lines('pool.log'), [
    ...['pooled www web1 web2', 'depool www web1 web2', 'repool www web1 web2'],
    ...['pooled www web3 web4', 'depool www web3', 'repool www web3'],
  ]);
  assert.ok(!existsSync(file('pooled.web4')));
  const log = readFileSync(join(cli.directory, 'logs/exec/cluster.log'), 'utf8');
  const said = [...log.matchAll(/: ((?:de|re)pooled .*|of .* none serves .*)$/gm)].map(([, message]) => message);
  assert.deepEqual(said, [
    ...['depooled web[1-2] from www', 'repooled web[1-2] in www'],
    ...['depooled web3 from www', 'repooled web3 in www'],
  ]);
});

test('a batch that fails stops the cluster, and leaves nothing depooled', async () => {
  const args = { commands: [`${note('stop')}; ${on('1', 'exit 4')}`], batchSize: 2, svcToDepool: ['www'] };
  const { error } = await resultOf(await start('cluster', args));
  assert.match(
    error ?? '',
    /^1 of 2 batches failed: .* failed on 1 of 2 hosts: web1: exit status 4; web\[3-4\] not contacted$/,
  );
  assert.deepEqual(lines('stop').sort(), ['web1', 'web2']);
  assert.ok(existsSync(file('pooled.web1')) && existsSync(file('pooled.web2')));
  const all = await resultOf(await start('cluster', { ...args, batchSize: 4 }));
  assert.match(all.error ?? '', /^batchSize: 4 is no whole number from 1 to 3, all hosts but one$/);
  const asked = lines('pool.log').length;
  const rest = await resultOf(await start('cluster', { ...args, batchSleep: 'soon' }));
  assert.match(rest.error ?? '', /^batchSleep: "soon" is not a length of time/);
  const none = await resultOf(await start('cluster', { services: [], svcToDepool: ['www'] }));
  assert.match(none.error ?? '', /^services: \[\] are none: name at least one$/);
  assert.equal(lines('pool.log').length, asked);
});

for (const svcToDepool of [[], ['www']])
  test(`${svcToDepool.length === 0 ? 'without' : 'with'} services to depool, batches that may fail are counted and are an error in the end`, async () => {
    const name = `may-fail-${svcToDepool.length}`;
    const failing = { commands: [`${note(name)}; ${on('13', 'exit 4')}`], svcToDepool };
    const allowed = await resultOf(await start('cluster', { ...failing, maxFailedBatches: 2 }));
    assert.match(allowed.error ?? '', /^2 of 4 batches failed: .* web1: exit status 4; .* web3: exit status 4$/);
    assert.deepEqual(lines(name), ['web1', 'web2', 'web3', 'web4']);
    const one = await resultOf(await start('cluster', { ...failing, maxFailedBatches: 1 }));
    assert.match(one.error ?? '', /^2 of 4 batches failed: .* web3: exit status 4; web4 not contacted$/);
    assert.deepEqual(lines(name).slice(4), ['web1', 'web2', 'web3']);
    const pairs = await resultOf(await start('cluster', { ...failing, batchSize: 2, maxFailedBatches: 1 }));
    assert.match(pairs.error ?? '', /^2 of 2 batches failed: .* web3: exit status 4$/);
    assert.deepEqual(lines(name).slice(7).sort(), ['web1', 'web2', 'web3', 'web4']);
  });

test('in a dry run a cluster is only asked, by commands that are safe, also where they fail', async () => {
  const args = { svcToDepool: ['www'], batchSize: 2 };
  const asked = lines('pool.log').length;
  const unsafe = await resultOf(await start('cluster', { ...args, commands: [note('dry')], batchSleep: '1h' }, true));
  assert.deepEqual([unsafe.report, unsafe.error], [[], undefined]);
  const commands = [`${note('dry-safe')}; ${on('1', 'exit 4')}`];
  const safe = await resultOf(await start('cluster', { ...args, commands, isSafe: true }, true));
  assert.deepEqual([safe.report, safe.error], [['web1:false', 'web2:true', 'web3:true', 'web4:true'], undefined]);
  assert.deepEqual([lines('dry'), lines('dry-safe').sort()], [[], ['web1', 'web2', 'web3', 'web4']]);
  assert.deepEqual(
    lines('pool.log')
      .slice(asked)
      .filter((line) => !line.startsWith('pooled ')),
    [],
  );
});

test('the hosts of a cluster are those whose whole tags match, each once, and they are checked like those of any query', async () => {
  const objects = [
    ...['web1 dc=east cluster=web', 'web2 dc=east cluster=web', 'web2 dc=east cluster=cache', 'web3 dc=east2'],
    ...['web4 dc=west cluster=cache', 'nobody.invalid dc=north'],
  ];
  writeFileSync(file('objects'), `${objects.join('\n')}\n`);
  const found = async (tags: object, maxHosts?: number) => {
    const { report, error } = await resultOf(await start('confctl', { tags, maxHosts }));
    return error ?? report;
  };
  assert.equal(await found({ dc: 'east' }), 'web[1-2]');
  assert.equal(await found({ name: 'web1|web4' }), 'web[1,4]');
  assert.equal(await found({ dc: '.*st', cluster: 'cache' }), 'web[2,4]');
  assert.equal(await found({ dc: 'eas' }), "No hosts found that matches the query 'confctl node dc=eas'");
  assert.equal(
    await found({ name: 'web.*', dc: '.*' }, 3),
    "4 hosts match the query 'confctl node name=web.* dc=.*', at most 3 are allowed: narrow it, or allow them with --max-hosts 4",
  );
  assert.match(String(await found({ dc: 'north|west' })), /^unknown host nobody.invalid: /);
  const alone = await resultOf(await start('confctl', { tags: { name: 'web1' }, commands: [note('alone')] }));
  assert.match(alone.error ?? '', /^hosts: "web1" would all be out at once: take two hosts or more, or runAsync/);
  assert.match(String(await found({ dc: '[' })), /^tags.dc: "\[" is no regular expression/);
});

test('the hosts of a cluster are asked for once, whatever becomes of the worker and of their tags meanwhile', async () => {
  writeFileSync(file('objects'), 'web5 dc=south\nweb6 dc=south\n');
  const asked = lines('pool.log').length;
  const commands = [`${note('frozen')}; ${on('5', untilGo('go-frozen'))}`];
  const handle = await start('confctl', { tags: { dc: 'south' }, commands });
  await until(() => lines('frozen').length === 1);
  writeFileSync(file('objects'), 'web1 dc=south\n');
  worker.kill('SIGKILL');
  await worker.ended;
  worker = await cli.worker();
  writeFileSync(file('go-frozen'), '');
  assert.equal((await resultOf(handle)).report, 'web[5-6]');
  assert.deepEqual(lines('frozen'), ['web5', 'web6']);
  assert.deepEqual(lines('pool.log').slice(asked), ['hosts node dc=^(south)$']);
});
