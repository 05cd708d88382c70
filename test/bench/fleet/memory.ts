import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { row } from '../table.ts';
import { type Case, coldCases, ours } from './cases.ts';
import { type FleetLab, startFleet } from './lab.ts';

const [few, many] = [10, 200];
const most = 0.25;

/** Memory of the client's processes while a command runs on 10 and on 200 hosts at the same time: growth a host. */
export async function fleetMemory(): Promise<void> {
  const lab = await startFleet(many);
  try {
    const growth: Record<string, number> = {};
    for (const name of ['cumin', 'clush', 'sumac']) {
      const [least, all] = [await held(lab, name, few), await held(lab, name, many)];
      growth[name] = (all - least) / (many - few);
    }
    const { cumin = Number.NaN, clush = Number.NaN, sumac = Number.NaN } = growth;
    row('memory a host, cumin: a process a host', [cumin], 'KiB');
    row('memory a host, clush: a process a host', [clush], 'KiB');
    const bars = Object.entries({ cumin, clush }).map(([peer, theirs]) => ({
      text: `${(sumac / theirs).toFixed(3)} x ${peer}, at most ${most}`,
      met: sumac / theirs <= most,
    }));
    row('memory a host, sumac', [sumac], 'KiB', ...bars);
  } finally {
    await lab.close();
  }
}

/** KiB of a tool's processes while its command, which waits for us, runs on so many hosts. */
async function held(lab: FleetLab, name: string, hosts: number): Promise<number> {
  const [arrived, gate] = [join(lab.dir, 'arrived'), join(lab.dir, 'gate')];
  writeFileSync(arrived, '');
  execFileSync('mkfifo', [gate]);
  const { file, args, env } = await waiting(lab, name, hosts, `echo >>${arrived}; : <${gate}`);
  const child = spawn(file, args, { env, stdio: 'ignore' });
  const ended = once(child, 'exit');
  while (statSync(arrived).size < hosts) {
    if (child.exitCode !== null)
      throw new Error(`${name} ended with ${child.exitCode} before all hosts ran the command`);
    await sleep(100);
  }
  const size = treeOf(child.pid ?? 0).reduce((sum, pid) => sum + proportional(pid), 0);
  // Opens when the first of them waits for it; the others follow.
  const opened = openSync(gate, constants.O_RDWR);
  await ended;
  closeSync(opened);
  rmSync(gate);
  return size;
}

async function waiting(lab: FleetLab, name: string, hosts: number, command: string): Promise<Case> {
  if (name === 'sumac') return ours(lab, hosts, 1, command);
  const { [name]: found } = await coldCases(lab, hosts);
  if (!found) throw new Error(`no case ${name}`);
  return { ...found, args: [...found.args.slice(0, -1), command] };
}

function treeOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(treeOf)];
}

/** Memory shared with others counts in part. */
const proportional = (pid: number): number =>
  Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
