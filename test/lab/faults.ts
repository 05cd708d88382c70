import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bmc } from './bmc.ts';
import { type LabLayout, type MachineLayout, installPaths } from './layout.ts';
import { setCable } from './network.ts';
import type { PoweredMachine } from './powered-machine.ts';
import { enter, nameOf, parentOf, processesIn, signal, signalAll } from './processes.ts';

export type Fault =
  | { fault: 'dropConnections'; host: string }
  | { fault: 'net'; host: string; state: 'up' | 'down' }
  | { fault: 'freeze' | 'bmcSilent' | 'installerHangs'; host: string; on: boolean }
  | { fault: 'refuseLogins'; host: string; seconds: number }
  | { fault: 'dhcpRefreshFails'; on: boolean };

/** Whether a process serves one ssh connection, and is not the listener. */
function servesConnection(pid: number): boolean {
  const name = nameOf(pid);
  return name === 'sshd-session' || ((name === 'sshd' || name === 'dropbear') && nameOf(parentOf(pid)) === name);
}

/** What can go wrong in a lab, on purpose. */
export class Faults {
  readonly #lab: LabLayout;
  readonly #machines: PoweredMachine[];
  readonly #bmcs: Bmc[];
  readonly #logins = new Map<string, NodeJS.Timeout>();

  constructor(lab: LabLayout, machines: PoweredMachine[], bmcs: Bmc[]) {
    this.#lab = lab;
    this.#machines = machines;
    this.#bmcs = bmcs;
  }

  async set(fault: Fault): Promise<void> {
    if (fault.fault === 'dhcpRefreshFails') {
      this.#flag(join(installPaths(this.#lab).faults, 'dhcp-refresh-fails'), fault.on);
      return;
    }
    const machine = this.#machine(fault.host);
    switch (fault.fault) {
      case 'dropConnections':
        for (const pid of processesIn(machine.netns).filter(servesConnection)) signal(pid, 'SIGKILL');
        return;
      case 'net':
        return setCable(this.#lab, machine, fault.state);
      case 'freeze':
        return signalAll(fault.on ? 'SIGSTOP' : 'SIGCONT', machine.netns);
      case 'bmcSilent':
        this.#bmcs[this.#lab.machines.indexOf(machine)]?.setSilent(fault.on);
        return;
      case 'installerHangs':
        this.#flag(join(machine.dir, 'faults/installer-hangs'), fault.on);
        return;
      case 'refuseLogins':
        return this.#refuseLogins(machine, fault.seconds);
    }
  }

  /** Ends every fault of one machine. */
  async clear(machine: MachineLayout): Promise<void> {
    const host = machine.name;
    clearTimeout(this.#logins.get(host));
    await this.set({ fault: 'net', host, state: 'up' });
    await this.set({ fault: 'freeze', host, on: false });
    await this.set({ fault: 'bmcSilent', host, on: false });
    await this.set({ fault: 'installerHangs', host, on: false });
  }

  #machine(host: string): MachineLayout {
    const found = this.#machines.find(({ layout }) => layout.name === host || layout.short === host);
    if (!found) {
      const names = this.#lab.machines.map(({ name }) => name).join(', ');
      throw new Error(`no machine '${host}' in lab ${this.#lab.name}; it has ${names}`);
    }
    return found.layout;
  }

  #flag(file: string, on: boolean): void {
    if (on) writeFileSync(file, '');
    else rmSync(file, { force: true });
  }

  async #refuseLogins(machine: MachineLayout, seconds: number): Promise<void> {
    clearTimeout(this.#logins.get(machine.name));
    await enter(machine.netns, 'systemctl stop ssh.socket ssh.service');
    const timer = setTimeout(() => {
      enter(machine.netns, 'systemctl reset-failed ssh.service; systemctl start ssh.service').catch((error: unknown) =>
        console.error(machine.name, error),
      );
    }, seconds * 1000);
    this.#logins.set(machine.name, timer);
  }
}
