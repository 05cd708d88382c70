/** `npm run bench [NAME...]`: measures and reports; a bar that is missed is reported too, only a bench that breaks is an error. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { heading } from './table.ts';
import { peers } from './venv.ts';

const benches: Record<string, () => Promise<void>> = {
  steps: async () => (await import('./steps.ts')).steps(),
  recovery: async () => (await import('./recovery.ts')).recovery(),
  shell: async () => (await import('./shell.ts')).shell(),
  commands: async () => (await import('./commands.ts')).commands(),
  'fleet-cold-50': async () => (await import('./fleet/cold.ts')).fleetCold(50),
  'fleet-cold-200': async () => (await import('./fleet/cold.ts')).fleetCold(200),
  'fleet-warm-10': async () => (await import('./fleet/warm.ts')).fleetWarm(10),
  'fleet-warm-100': async () => (await import('./fleet/warm.ts')).fleetWarm(100),
  'fleet-durable-10': async () => (await import('./fleet/durable.ts')).fleetDurable(10),
  'fleet-durable-100': async () => (await import('./fleet/durable.ts')).fleetDurable(100),
  'fleet-exec': async () => (await import('./fleet/exec.ts')).fleetExec(50),
  'fleet-memory': async () => (await import('./fleet/memory.ts')).fleetMemory(),
  'fleet-many': async () => (await import('./fleet/many.ts')).fleetMany(),
  'fleet-10000': async () => (await import('./fleet/many.ts')).fleetMany(),
  journal: async () => (await import('./journal.ts')).journal(),
  locks: async () => (await import('./locks.ts')).locks(),
  hostsets: async () => (await import('./hostsets.ts')).hostsets(),
};

// Where scripts/install puts what it brings.
process.env['PATH'] =
  `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:${join(import.meta.dirname, '../../.dev/venv/bin')}`;
const names = process.argv.slice(2);
const unknown = names.find((name) => !(name in benches));
if (unknown !== undefined) {
  console.error(`npm run bench [NAME...]: no '${unknown}', there are ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}
const load = () => `load ${loadavg()[0]?.toFixed(1) ?? '?'}`;
const versionOf = (program: string, ...args: string[]) =>
  execFileSync(program, args, { encoding: 'utf8' }).split('\n')[0]?.trim() ?? '';
console.log(
  [
    new Date().toISOString().slice(0, 16),
    `node ${process.versions.node}`,
    versionOf('temporal', '--version'),
    versionOf('etcd', '--version'),
    // It says so on its standard error.
    spawnSync('ssh', ['-V'], { encoding: 'utf8' }).stderr.split(',')[0] ?? '',
    ...Object.entries(peers).map(([name, version]) => `${name} ${version}`),
    `${cpus().length} cpus`,
    load(),
  ].join(', '),
);
// What a bench has started ends with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
console.log(`\n${heading}`);
for (const [name, bench] of Object.entries(benches)) {
  if (names.length > 0 && !names.includes(name)) continue;
  try {
    await bench();
  } catch (error) {
    console.error(`bench ${name} broke:`, error);
    process.exitCode = 1;
  }
}
console.log(`\n${load()} at the end`);
