import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyOnDisk, osOnDisk } from './disk.ts';
import type { MachineLayout } from './layout.ts';
import type { Phase } from './powered-machine.ts';
import { enter, initOf } from './processes.ts';

/** Lines of a log file of JSON objects. */
export function jsonLines<T>(file: string): T[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as T);
}

export interface BmcOrder {
  time: string;
  /** `power on|off|reset|soft`, `boot pxe|none|...`. */
  command: string;
}

/** Power cycles that orders amount to: each reset, and each off followed by on, as a BMC makes a cycle. */
export function cyclesOf(orders: BmcOrder[]): number {
  const power = orders.map(({ command }) => command).filter((command) => command.startsWith('power '));
  return power.filter((command, index) => {
    return command === 'power reset' || (command === 'power on' && power[index - 1] === 'power off');
  }).length;
}

/** A machine of a lab as a test sees it, from outside: none of it needs the machine's network. */
export class LabMachine {
  readonly #layout: MachineLayout;

  constructor(layout: MachineLayout) {
    this.#layout = layout;
  }

  get name(): string {
    return this.#layout.name;
  }
  get short(): string {
    return this.#layout.short;
  }
  get address(): string {
    return this.#layout.address;
  }
  get mgmt(): string {
    return this.#layout.mgmt;
  }
  get mac(): string {
    return this.#layout.mac;
  }

  /** The operating system that runs, by codename; `lab-installer` during an installation; undefined when none runs. */
  os(): string | undefined {
    const release = this.#file('etc/os-release');
    return /^VERSION_CODENAME=(.*)$/m.exec(release ?? '')?.[1] ?? /^ID=(.*)$/m.exec(release ?? '')?.[1];
  }

  bootId(): string | undefined {
    return this.#file('proc/sys/kernel/random/boot_id')?.trim();
  }

  /** Public ssh host key of the system on the disk, `ssh-ed25519 AAAA...`. */
  hostKey(): string | undefined {
    return keyOnDisk(this.#layout);
  }

  phase(): Phase {
    return this.#state('phase') as Phase;
  }

  /** The boot device that the BMC was told to use once: `none`, `pxe`, ... */
  bootOverride(): string {
    return this.#state('boot');
  }

  /** Whether the disk has no system that boots. */
  broken(): boolean {
    return osOnDisk(this.#layout) === undefined;
  }

  bmcLog(): BmcOrder[] {
    return jsonLines(join(this.#layout.dir, 'bmc.log'));
  }

  powerCycles(): number {
    return cyclesOf(this.bmcLog());
  }

  consoleLog(): string {
    return readFileSync(join(this.#layout.dir, 'console.log'), 'utf8');
  }

  /** Runs a shell command as root on the machine's console, whatever its network and sshd do. @returns its output */
  console(command: string): Promise<string> {
    return enter(this.#layout.netns, command);
  }

  snapshot() {
    return {
      os: this.os(),
      phase: this.phase(),
      bootOverride: this.bootOverride(),
      bootId: this.bootId(),
      hostKey: this.hostKey(),
      broken: this.broken(),
    };
  }

  #state(name: string): string {
    return readFileSync(join(this.#layout.dir, name), 'utf8').trim();
  }

  /** A file as the running system sees it. */
  #file(path: string): string | undefined {
    const init = initOf(this.#layout.netns);
    try {
      return init === undefined ? undefined : readFileSync(`/proc/${init}/root/${path}`, 'utf8');
    } catch {
      return undefined;
    }
  }
}
