import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from './lab.ts';
import type { LabMachine } from './machine.ts';

export interface Ran {
  code: number;
  /** Both streams. */
  output: string;
}

/** Runs a program to its end, whatever it exits with. */
export function attempt(command: string, args: string[], input = ''): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { timeout: 30_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? 255) : 0, output: `${stdout}${stderr}`.trim() });
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

export async function until(what: string, holds: () => boolean | Promise<boolean>, seconds = 20): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await holds())) {
    if (Date.now() > end) assert.fail(`not in ${seconds} s: ${what}`);
    await sleep(50);
  }
}

/** An operator at a shell: the ssh and ipmitool programs with the files that a lab gives out. */
export class LabClient {
  readonly #lab: Lab;

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  ssh(host: string, command: string, input?: string): Promise<Ran> {
    return attempt('ssh', ['-F', this.#lab.config.ssh_config, '-o', 'ConnectTimeout=3', host, command], input);
  }

  /** A login that trusts exactly the given key, with the given identity. */
  login(machine: LabMachine, hostKey: string, identity: string, command: string): Promise<Ran> {
    const known = join(this.#lab.dir, `known_hosts.${machine.short}`);
    writeFileSync(known, `${machine.address} ${hostKey}\n`);
    const options = [`UserKnownHostsFile=${known}`, 'StrictHostKeyChecking=yes', 'BatchMode=yes', 'ConnectTimeout=3'];
    const given = options.flatMap((option) => ['-o', option]);
    return attempt('ssh', ['-F', 'none', '-i', identity, ...given, `root@${machine.address}`, command]);
  }

  ipmi(machine: LabMachine, ...command: string[]): Promise<Ran> {
    const { user, password_file: file, cipher_suite: suite } = this.#lab.config.ipmi;
    const how = `-I lanplus -C ${suite} -N 1 -R 1`.split(' ');
    return attempt('ipmitool', [...how, '-H', machine.mgmt, '-U', user, '-f', file, 'chassis', ...command]);
  }

  async sshAnswers(machine: LabMachine): Promise<boolean> {
    return (await attempt('ssh-keyscan', ['-T', '1', machine.address])).output.includes('ssh-ed25519');
  }

  writeSnippet(machine: LabMachine, os: string, token: string): Promise<Ran> {
    const url = `http://${this.#lab.installServer.address}/boot?os=${os}&token=${token}`;
    const body = `hardware ethernet ${machine.mac}; fixed-address ${machine.address}; filename "${url}";`;
    const file = `/etc/dhcp/automation/ttyS1-115200/${machine.short}.conf`;
    const command = `cat >${file} && /usr/local/sbin/dhcpincludes -r commit`;
    return this.ssh(this.#lab.installServer.name, command, `host ${machine.short} { ${body} }\n`);
  }

  async cycleIntoNetwork(machine: LabMachine): Promise<void> {
    await this.ipmi(machine, 'bootparam', 'set', 'bootflag', 'force_pxe', 'options=reset');
    assert.match((await this.ipmi(machine, 'bootparam', 'get', '5')).output, /Force PXE/);
    assert.equal((await this.ipmi(machine, 'power', 'cycle')).code, 0);
  }
}
