import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process by its pid and the time it started, so that a pid that was given away again is never taken for it. */
interface Identity {
  pid: number;
  /** Clock ticks since boot. */
  started: string;
  boot: string;
}

function identityOf(pid: number): Identity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z') return undefined;
    return { pid, started: rest[18] ?? '', boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() };
  } catch {
    return undefined;
  }
}

/** The pid noted in `file`, when that very process still lives. */
export function livingPid(file: string): number | undefined {
  try {
    const noted = JSON.parse(readFileSync(file, 'utf8')) as Identity;
    const now = identityOf(noted.pid);
    return now?.started === noted.started && now.boot === noted.boot ? noted.pid : undefined;
  } catch {
    return undefined;
  }
}

/** Milliseconds since the process started. */
export function ageMs(pid: number): number {
  const ticks = Number(identityOf(pid)?.started ?? 0);
  const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
  return Math.max(0, (uptime - ticks / 100) * 1000);
}

/** Starts a process that outlives this one, its output appended to `log`, its identity noted in `pidFile`. */
export function startDetached(command: readonly string[], pidFile: string, log: string): number {
  mkdirSync(dirname(pidFile), { recursive: true });
  mkdirSync(dirname(log), { recursive: true });
  const out = openSync(log, 'a');
  const [program = '', ...args] = command;
  const child = spawn(program, args, { detached: true, stdio: ['ignore', out, out] });
  closeSync(out);
  child.once('error', () => undefined); // told by the missing pid
  if (child.pid === undefined) throw new Error(`${program} cannot be started: is it installed? (scripts/install dev)`);
  writeFileSync(pidFile, JSON.stringify(identityOf(child.pid) ?? { pid: child.pid }));
  child.unref();
  return child.pid;
}

/** Ends the process noted in `pidFile`: asked first, after `graceMs` forced together with what it started. */
export async function stop(pidFile: string, graceMs: number): Promise<'stopped' | 'killed' | 'was not running'> {
  const pid = livingPid(pidFile);
  if (pid === undefined) {
    rmSync(pidFile, { force: true });
    return 'was not running';
  }
  signal(pid, 'SIGTERM');
  const ended = await waitUntil(() => livingPid(pidFile) === undefined, graceMs);
  if (!ended) {
    signal(-pid, 'SIGKILL');
    await waitUntil(() => livingPid(pidFile) === undefined, 5_000);
  }
  rmSync(pidFile, { force: true });
  return ended ? 'stopped' : 'killed';
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Whether the condition came true within the time. */
export async function waitUntil(holds: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) return false;
    await sleep(50);
  }
  return true;
}
