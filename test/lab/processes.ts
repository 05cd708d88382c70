import { execFile, spawn } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Runs a program to its end. @returns its standard output @throws with its standard error when it fails */
export function run(command: string, args: string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${[command, ...args].join(' ')}: ${stderr.trim() || error.message}`));
      else resolve(stdout);
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
  });
}

/** A process by pid and start time, so that a reused pid is not taken for it. */
export interface ProcessId {
  pid: number;
  start: string;
}

const startOf = (pid: number): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
};

/** Seconds since a process started, on a machine whose clock ticks at the usual 100 a second. */
export function ageOf(pid: number): number {
  const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
  return uptime - Number(startOf(pid) ?? uptime * 100) / 100;
}

/** Name of a process, or nothing when it has ended. */
export function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

export function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
}

export const identify = (pid: number): ProcessId => ({ pid, start: startOf(pid) ?? '' });
export const isAlive = (id: ProcessId): boolean => id.start !== '' && startOf(id.pid) === id.start;

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // it has ended
  }
}

/** Asks a process to end, and kills it after 5 s. */
export async function endAndWait(id: ProcessId): Promise<void> {
  const patience = Date.now() + 5000;
  if (isAlive(id)) signal(id.pid, 'SIGTERM');
  while (isAlive(id)) {
    await sleep(10);
    if (Date.now() > patience) signal(id.pid, 'SIGKILL');
  }
}

/** Pids of every process in the given network namespaces. */
export function processesIn(...namespaces: string[]): number[] {
  const inodes = new Set<string>();
  for (const namespace of namespaces) {
    try {
      inodes.add(`net:[${statSync(`/run/netns/${namespace}`).ino}]`);
    } catch {
      // there is none
    }
  }
  if (inodes.size === 0) return [];
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => {
      try {
        return inodes.has(readlinkSync(`/proc/${entry}/ns/net`));
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Signals everything in the namespaces until nothing new appears there, or for SIGKILL until nothing is left. */
export async function signalAll(name: NodeJS.Signals, ...namespaces: string[]): Promise<void> {
  const seen = new Set<number>();
  for (;;) {
    const found = processesIn(...namespaces).filter((pid) => name === 'SIGKILL' || !seen.has(pid));
    if (found.length === 0) return;
    for (const pid of found) {
      signal(pid, name);
      seen.add(pid);
    }
    await sleep(name === 'SIGKILL' ? 20 : 0);
  }
}

/** First process of the system that a machine runs now. */
export function initOf(netns: string): number | undefined {
  return processesIn(netns).find((pid) => {
    try {
      return /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return false;
    }
  });
}

/** Runs a program inside the running system of a machine, as on its console. */
export function enter(netns: string, command: string, input?: string): Promise<string> {
  const init = initOf(netns);
  if (init === undefined) return Promise.reject(new Error(`${netns} runs no system`));
  return run('nsenter', ['-t', String(init), '-a', 'sh', '-c', command], input);
}

/** Arguments that start a program so that it dies with this process, in a network namespace. */
export const tied = (netns: string | undefined, ...command: string[]): [string, string[]] => [
  'setpriv',
  ['--pdeathsig', 'KILL', ...(netns ? ['nsenter', `--net=/run/netns/${netns}`] : []), ...command],
];

/** Starts a program that dies with this process. */
export function spawnTied(netns: string | undefined, command: string[], output: number) {
  const [file, args] = tied(netns, ...command);
  return spawn(file, args, { stdio: ['ignore', output, output] });
}
