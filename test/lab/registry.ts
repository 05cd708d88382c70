import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LabLayout, networks } from './layout.ts';
import { namespacesOf, removeNetwork } from './network.ts';
import { type ProcessId, identify, isAlive, endAndWait, run, signalAll } from './processes.ts';

/** What is known about the labs of this machine: a folder for each, and which network it took. */
const registry = '/run/sumac-lab';
const networksTaken = join(registry, '.networks');

export const entryOf = (name: string): string => join(registry, name);
export const socketOf = (name: string): string => join(entryOf(name), 'control');

const readJson = <T>(file: string): T | undefined => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
};

export const layoutOf = (name: string) => readJson<LabLayout>(join(entryOf(name), 'lab.json'));
export const saveLayout = (lab: LabLayout): void =>
  writeFileSync(join(entryOf(lab.name), 'lab.json'), JSON.stringify(lab, undefined, 2));
const processOf = (name: string, what: 'owner' | 'supervisor') =>
  readJson<ProcessId>(join(entryOf(name), `${what}.json`));
export const saveProcess = (name: string, what: 'owner' | 'supervisor', pid: number): void =>
  writeFileSync(join(entryOf(name), `${what}.json`), JSON.stringify(identify(pid)));

/** Names of the labs that are up, or left by processes that were killed. */
export const labNames = (): string[] =>
  existsSync(registry) ? readdirSync(registry).filter((entry) => !entry.startsWith('.')) : [];

export const isSupervised = (name: string): boolean => {
  const supervisor = processOf(name, 'supervisor');
  return supervisor !== undefined && isAlive(supervisor);
};

/** Claims a name and a network for a lab to be made by this process. @returns the network's number */
export async function claim(name: string): Promise<number> {
  mkdirSync(networksTaken, { recursive: true });
  await sweep();
  const draft = join(registry, `.${name}.${process.pid}`);
  mkdirSync(draft, { recursive: true });
  writeFileSync(join(draft, 'owner.json'), JSON.stringify(identify(process.pid)));
  try {
    renameSync(draft, entryOf(name));
  } catch {
    rmSync(draft, { recursive: true });
    throw new Error(`a lab '${name}' is up already; take it down with: lab down ${name}`);
  }
  const routes = await run('ip', ['-4', 'route', 'show', 'root', '10.64.0.0/12']);
  for (let network = 0; network < networks; network++) {
    const base = `10.${64 + Math.floor(network / 16)}.${(network % 16) * 16}.`;
    if (routes.includes(`${base}0/20`)) continue;
    try {
      writeFileSync(join(networksTaken, String(network)), name, { flag: 'wx' });
      return network;
    } catch {
      // another lab's
    }
  }
  throw new Error('no network of 10.64.0.0/12 is free; see: lab status');
}

function removeCgroups(name: string): void {
  const removeTree = (dir: string): void => {
    for (const entry of readdirSync(dir, { withFileTypes: true }))
      if (entry.isDirectory()) removeTree(join(dir, entry.name));
    rmdirSync(dir);
  };
  for (const hierarchy of ['', 'systemd', 'unified']) {
    const dir = join('/sys/fs/cgroup', hierarchy, `sumac-${name}`);
    if (existsSync(dir)) removeTree(dir);
  }
}

/** Ends everything of a lab by what is recorded and what lives in its namespaces, and removes its every trace. */
export async function remove(name: string): Promise<void> {
  const supervisor = processOf(name, 'supervisor');
  if (supervisor && supervisor.pid !== process.pid) await endAndWait(supervisor);
  await signalAll('SIGKILL', ...namespacesOf(name));
  await removeNetwork(name);
  for (let attempt = 0; ; attempt++) {
    try {
      removeCgroups(name);
      break;
    } catch (error) {
      if (attempt === 100) throw error; // the kernel empties a cgroup a little after its last process
      await sleep(20);
    }
  }
  const dir = layoutOf(name)?.dir;
  if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  await run('sh', ['-c', 'grep -lxF "$1" "$2"/* | xargs -r rm -f', 'sh', name, networksTaken]);
  rmSync(entryOf(name), { recursive: true, force: true });
}

/** Removes what killed processes have left: labs that neither their owner nor their power supply keeps. */
export async function sweep(): Promise<void> {
  for (const name of labNames()) {
    const owner = processOf(name, 'owner');
    if (!isSupervised(name) && !(owner && isAlive(owner))) await remove(name);
  }
}
