/**
 * demo.ts --dev-dir DIR: re-images a fleet of four lab machines through the development environment, and kills the
 * worker in the middle. Exits with 0 only if everything is right.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadConfig } from '../../src/config/load.ts';
import { launcher, startWorker } from './cookbook-worker.ts';
import { Lab } from './lab.ts';
import type { LabMachine } from './machine.ts';
import { writeSumacConfig } from './sumac-config.ts';

const { values } = parseArgs({ options: { 'dev-dir': { type: 'string' } } });
const devDir = resolve(values['dev-dir'] ?? '.dev');
const dir = join(devDir, 'demo');
const os = 'trixie';
const say = (text: string) => console.log(`\n==> ${text}`);

interface Before {
  os: string | undefined;
  bootId: string | undefined;
  hostKey: string | undefined;
}

rmSync(dir, { recursive: true, force: true });
mkdirSync(dir, { recursive: true });
const { config: dev } = await loadConfig(join(devDir, 'config.yaml'));

say('the lab: four machines with BMCs, an install server (its images are built once, which takes some minutes)');
const lab = await Lab.up({ machines: 4 });
const code = await run().finally(() => lab.down());
process.exit(code);

async function run(): Promise<number> {
  const config = writeSumacConfig(lab.config, {
    dir,
    temporal: {
      address: dev.temporal.address,
      task_queue: `demo-${lab.name}`,
      ...(dev.temporal.ui !== undefined && { ui: dev.temporal.ui }),
    },
    etcd: dev.etcd?.hosts?.[0] ?? 'http://127.0.0.1:2379',
  });
  const before = new Map(
    lab.machines.map((machine) => [
      machine.name,
      { os: machine.os(), bootId: machine.bootId(), hostKey: machine.hostKey() },
    ]),
  );
  const log = join(dir, 'worker.log');
  let worker = await startWorker(config, log);
  const hosts = lab.machines.map(({ name }) => name).join(',');
  say(`cookbook wmcs.openstack.cloudvirt.reimage-fleet ${hosts} --os ${os} --width 2 --canaries 1`);
  const cookbook = spawn(
    launcher,
    [
      '-c',
      config,
      'wmcs.openstack.cloudvirt.reimage-fleet',
      hosts,
      '--os',
      os,
      '--width',
      '2',
      '--canaries',
      '1',
      '--force',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let printed = '';
  for (const stream of [cookbook.stdout, cookbook.stderr])
    stream.on('data', (text: Buffer) => {
      printed += text.toString();
      process.stdout.write(text);
    });
  const ended = once(cookbook, 'exit') as Promise<[number | null]>;
  const installing = () => lab.machines.filter((machine) => machine.phase() === 'installer');
  while (installing().length < 2 && cookbook.exitCode === null) await sleep(100);
  if (cookbook.exitCode === null) {
    const names = installing().map(({ name }) => name);
    say(`kill -9 ${worker.pid}: the worker dies while ${names.join(' and ')} are being installed`);
    await worker.kill();
    await sleep(3000);
    worker = await startWorker(config, log);
    say(`another worker is there, pid ${worker.pid}`);
  }
  const [exit] = await ended;
  await worker.kill();

  const rows = lab.machines.map((machine) => rowOf(machine, before.get(machine.name)));
  say('what the machines and their BMCs say');
  console.table(Object.fromEntries(rows.map(({ host, wrong: _, ...row }) => [host, row])));
  const link = /https?:\/\/\S+/.exec(printed)?.[0];
  if (link !== undefined) say(`the run in the Temporal UI: ${link}`);
  const wrong = [
    ...(exit === 0 ? [] : [`the run ended with ${exit}`]),
    ...rows.flatMap(({ host, wrong }) => wrong.map((what) => `${host}: ${what}`)),
    ...Object.keys(lab.snippets()).map((name) => `snippet left: ${name}`),
  ];
  say(
    wrong.length === 0
      ? 'all right: every machine re-imaged, every power cycle done exactly once'
      : `NOT right:\n${wrong.join('\n')}`,
  );
  return wrong.length === 0 ? 0 : 1;
}

function rowOf(machine: LabMachine, before: Before | undefined) {
  const boots = lab.boots().filter((boot) => boot.machine === machine.name);
  const times = boots.map(({ time }) => Date.parse(time));
  const installed = boots.findIndex(({ boot }) => boot === 'installer');
  const wrong = [
    ...(machine.powerCycles() === 1 ? [] : [`${machine.powerCycles()} power cycles`]),
    ...(machine.os() === os ? [] : [`runs ${machine.os() ?? 'nothing'}`]),
    ...(machine.bootId() !== undefined && machine.bootId() !== before?.bootId ? [] : ['still the old boot']),
    ...(machine.hostKey() !== before?.hostKey ? [] : ['still the old host key']),
    ...(machine.bootOverride() === 'none' ? [] : ['boot override left on']),
  ];
  return {
    host: machine.name,
    seconds: Math.round(((times.at(-1) ?? 0) - (times[installed] ?? 0)) / 1000),
    'power cycles': machine.powerCycles(),
    'boot id before': before?.bootId?.slice(0, 8),
    'boot id after': machine.bootId()?.slice(0, 8),
    'OS before': before?.os,
    'OS after': machine.os(),
    wrong,
  };
}
