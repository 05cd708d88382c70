import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { layInitial, osOnDisk } from './disk.ts';
import { type LabLayout, type MachineLayout, installPaths } from './layout.ts';
import { setCable, setCard } from './network.ts';
import { signal, signalAll, spawnTied } from './processes.ts';

export type Phase = 'off' | 'firmware' | 'installer' | 'disk' | 'no boot device';

/** How systemd-nspawn with EXIT_ON_REBOOT tells a reboot from a power-off. */
const rebootStatus = 133;
const script = (name: string) => join(import.meta.dirname, 'machine', name);
const childrenOf = (pid: number): number[] => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
};

/** One machine behind its power button: firmware, then the installer or the system on its disk, for as long as it has power. */
export class PoweredMachine {
  readonly layout: MachineLayout;
  readonly #lab: LabLayout;
  readonly #console: number;
  #phase: Phase = 'off';
  #power = false;
  /** Grows with every start and stop, so that what an earlier boot still does is void. */
  #generation = 0;
  #running: Promise<void> = Promise.resolve();
  #orders: Promise<unknown> = Promise.resolve();
  #child: ChildProcess | undefined;

  constructor(lab: LabLayout, layout: MachineLayout) {
    this.#lab = lab;
    this.layout = layout;
    this.#console = openSync(join(layout.dir, 'console.log'), 'a');
    this.#put('boot', 'none');
    this.#publish();
  }

  /** Obeys, after what was ordered before: `on`, `off`, `reset`, `soft`. */
  order(command: string): Promise<void> {
    return this.#enqueue(() => this.#obey(command));
  }

  /** Brings back the first system with its first host key, no override, no counts, no faults of the machine itself. */
  reset(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#stop();
      await setCable(this.#lab, this.layout, 'up');
      rmSync(join(this.layout.dir, 'faults/installer-hangs'), { force: true });
      rmSync(join(this.layout.dir, 'bmc.log'), { force: true });
      this.#put('boot', 'none');
      await layInitial(this.layout);
      this.#start();
    });
  }

  #enqueue(action: () => Promise<void>): Promise<void> {
    const done = this.#orders.then(action);
    this.#orders = done.catch((error: unknown) => console.error(this.layout.name, error));
    return done;
  }

  async #obey(command: string): Promise<void> {
    if (command === 'on' && !this.#power) this.#start();
    else if (command === 'off') await this.#stop();
    else if (command === 'reset' && this.#power) {
      await this.#stop();
      this.#start();
    } else if (command === 'soft' && this.#power) {
      const pid = this.#child?.pid;
      const [nspawn] = pid === undefined ? [] : childrenOf(pid);
      if (this.#phase === 'disk' && nspawn !== undefined) signal(nspawn, 'SIGTERM');
      else await this.#stop();
    }
  }

  #start(): void {
    const generation = ++this.#generation;
    this.#power = true;
    this.#enter('firmware');
    this.#running = this.#boot(generation).catch((error: unknown) => console.error(this.layout.name, error));
  }

  async #stop(): Promise<void> {
    this.#generation++;
    await setCard(this.layout, 'down'); // first: a power cut says goodbye to nobody
    const ended = this.#running.then(() => true);
    do {
      // The first process of the pid namespace takes all others with it before its parent sees it end.
      const inner = this.#child?.pid === undefined ? [] : childrenOf(this.#child.pid);
      for (const pid of inner) signal(pid, 'SIGKILL');
      if (inner.length === 0 && this.#child?.pid !== undefined) signal(this.#child.pid, 'SIGKILL');
    } while (!(await Promise.race([ended, sleep(10, false)])));
    await setCard(this.layout, 'down');
    await signalAll('SIGKILL', this.layout.netns);
    this.#power = false;
    this.#enter('off');
  }

  /** Cuts the power for good, whatever was ordered. */
  end(): Promise<void> {
    return this.#stop();
  }

  async #boot(generation: number): Promise<void> {
    const isVoid = () => generation !== this.#generation;
    for (;;) {
      const override = readFileSync(join(this.layout.dir, 'boot'), 'utf8').trim();
      this.#put('boot', 'none');
      this.#enter('firmware');
      await setCard(this.layout, 'up');
      if (isVoid()) return;
      const parameters = override === 'pxe' ? await this.#networkBoot() : undefined;
      if (isVoid()) return;
      const pxe = override === 'pxe' ? (parameters ? 'answered' : 'no answer') : 'not asked';
      const status = parameters ? await this.#install(parameters, pxe) : await this.#bootDisk(pxe);
      if (isVoid() || status === undefined) return;
      await setCard(this.layout, 'down');
      await signalAll('SIGKILL', this.layout.netns);
      if (status !== rebootStatus) {
        this.#power = false;
        this.#enter('off');
        return;
      }
    }
  }

  /** @returns the boot script's parameters, or undefined when the network has nothing for this machine */
  async #networkBoot(): Promise<Record<string, string> | undefined> {
    const out = join(this.layout.dir, 'boot.script');
    if ((await this.#run(this.layout.netns, 'sh', script('firmware.sh'), out)) !== 0) return undefined;
    const lines = readFileSync(out, 'utf8').trim().split('\n');
    return Object.fromEntries(lines.map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]));
  }

  async #install(parameters: Record<string, string>, pxe: string): Promise<number | undefined> {
    this.#record('installer', parameters['os'], pxe);
    this.#enter('installer');
    const values = { name: this.layout.name, seconds: String(this.#lab.installSeconds), ...parameters };
    this.#put(
      'boot.params',
      Object.entries(values)
        .map(([key, value]) => `${key}='${value}'`)
        .join('\n'),
    );
    const status = await this.#runSystem(
      this.layout.netns,
      script('boot-installer.sh'),
      this.layout.dir,
      this.#lab.images.installer,
      join(this.#lab.dir, 'installer-system'),
    );
    return status === 0 ? rebootStatus : undefined;
  }

  async #bootDisk(pxe: string): Promise<number | null | undefined> {
    const os = osOnDisk(this.layout);
    this.#record(os === undefined ? 'none' : 'disk', os, pxe);
    if (os === undefined) {
      appendFileSync(this.#console, 'No bootable device.\n');
      this.#enter('no boot device');
      return undefined;
    }
    this.#enter('disk');
    await setCard(this.layout, 'up', this.layout.address);
    const { automation, srv, faults } = installPaths(this.#lab);
    return await this.#runSystem(
      undefined,
      script('boot-disk.sh'),
      this.layout.dir,
      this.#lab.images[os] ?? '',
      this.layout.netns,
      `sumac-${this.#lab.name}/${this.layout.short}`,
      this.layout.short,
      ...(this.layout.role === 'install'
        ? [`--bind=${automation}:/etc/dhcp/automation`, `--bind=${srv}:/srv/autoinstall`, `--bind-ro=${faults}:/lab`]
        : []),
    );
  }

  /** Runs a script as the first process of own mount, pid, host name and time namespaces. */
  #runSystem(netns: string | undefined, ...command: string[]): Promise<number | null> {
    const uptime = Math.floor(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]));
    const clock = ['--time', '--boottime', `-${uptime}`, '--monotonic', `-${uptime}`];
    const own = ['--mount', '--propagation', 'slave', '--uts', '--pid', '--mount-proc', '--fork', '--kill-child'];
    return this.#run(netns, 'unshare', ...own, ...clock, 'sh', ...command);
  }

  async #run(netns: string | undefined, ...command: string[]): Promise<number | null> {
    const child = spawnTied(netns, command, this.#console);
    this.#child = child;
    const [code] = (await once(child, 'exit')) as [number | null];
    this.#child = undefined;
    return code;
  }

  #record(boot: 'installer' | 'disk' | 'none', os: string | undefined, pxe: string): void {
    const line = { time: new Date().toISOString(), machine: this.layout.name, boot, os, pxe };
    appendFileSync(join(this.#lab.dir, 'boots.log'), `${JSON.stringify(line)}\n`);
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#publish();
  }

  #publish(): void {
    this.#put('power', this.#power ? '1' : '0');
    this.#put('phase', this.#phase);
  }

  #put(name: string, text: string): void {
    const file = join(this.layout.dir, name);
    writeFileSync(`${file}.new`, `${text}\n`);
    renameSync(`${file}.new`, file);
  }
}
