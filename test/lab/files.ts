import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { ipmiUser } from './bmc.ts';
import { keyOnDisk } from './disk.ts';
import { type LabLayout, installServerOf, oses } from './layout.ts';
import { run } from './processes.ts';

/** Where a lab's files are, and what else a Sumac configuration for it needs; also its `config.json`. */
export interface LabConfig {
  name: string;
  dir: string;
  client_key: string;
  installer_key: string;
  known_hosts: string;
  installer_known_hosts: string;
  ssh_config: string;
  inventory: string;
  ipmi: { user: string; password_file: string; cipher_suite: number };
  sal: { host: string; port: number };
  install_server: { name: string; address: string };
  oses: readonly string[];
  machines: string[];
  etcd: { members: string[]; spare: string | undefined };
}

export function configOf(lab: LabLayout): LabConfig {
  const path = (name: string) => join(lab.dir, name);
  const names = (role: string) => lab.machines.filter((machine) => machine.role === role).map(({ name }) => name);
  return {
    name: lab.name,
    dir: lab.dir,
    client_key: path('client'),
    installer_key: path('installer'),
    known_hosts: path('known_hosts'),
    installer_known_hosts: path('installer_known_hosts'),
    ssh_config: path('ssh_config'),
    inventory: path('inventory.yaml'),
    ipmi: { user: ipmiUser, password_file: path('ipmi_password'), cipher_suite: 3 },
    sal: { host: lab.gateway, port: lab.salPort },
    install_server: { name: installServerOf(lab).name, address: installServerOf(lab).address },
    oses,
    machines: names('machine'),
    etcd: { members: names('etcd'), spare: names('etcd-spare')[0] },
  };
}

/** Keys and the installer's own part, before the machines are made. */
export async function writeKeys(lab: LabLayout): Promise<void> {
  const config = configOf(lab);
  for (const key of [config.client_key, config.installer_key])
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', `sumac lab ${lab.name}`, '-f', key]);
  writeFileSync(config.ipmi.password_file, `${lab.ipmiPassword}\n`, { mode: 0o600 });

  const system = join(lab.dir, 'installer-system');
  for (const folder of ['etc/dropbear', 'root/.ssh']) mkdirSync(join(system, folder), { recursive: true });
  const key = await run('dropbearkey', ['-t', 'ed25519', '-f', join(system, 'etc/dropbear/host_key')]);
  cpSync(`${config.installer_key}.pub`, join(system, 'root/.ssh/authorized_keys'));
  for (const folder of ['root', 'root/.ssh']) chmodSync(join(system, folder), 0o700);
  cpSync(join(import.meta.dirname, 'machine/install.sh'), join(system, 'install'));
  cpSync(join(import.meta.dirname, 'machine/lay-down.sh'), join(system, 'lay-down'));
  const hostKey = /^ssh-ed25519 \S+/m.exec(key)?.[0] ?? '';
  const lines = lab.machines.map(({ name, address }) => `${name},${address} ${hostKey}\n`);
  writeFileSync(config.installer_known_hosts, lines.join(''));
}

/** What a client needs to reach the machines, once they have their host keys. */
export function writeClientFiles(lab: LabLayout): void {
  const config = configOf(lab);
  const known = lab.machines.map((machine) => {
    return `${machine.name},${machine.address} ${keyOnDisk(machine, 'initial') ?? ''}\n`;
  });
  writeFileSync(config.known_hosts, known.join(''));
  const common = [
    'User root',
    `IdentityFile ${config.client_key}`,
    'IdentitiesOnly yes',
    `UserKnownHostsFile ${config.known_hosts}`,
    'GlobalKnownHostsFile none',
    'StrictHostKeyChecking yes',
    'BatchMode yes',
  ];
  const hosts = lab.machines.flatMap(({ name, short, address }) => [`Host ${name} ${short}`, `  HostName ${address}`]);
  writeFileSync(config.ssh_config, [...hosts, 'Host *', ...common.map((line) => `  ${line}`), ''].join('\n'));
  const inventory = lab.machines.map(({ name, address, mac, mgmt }) => [
    name,
    { address, mac, mgmt, datacenter: 'lab' },
  ]);
  writeFileSync(config.inventory, stringify({ hosts: Object.fromEntries(inventory) as unknown }));
  writeFileSync(join(lab.dir, 'config.json'), `${JSON.stringify(config, undefined, 2)}\n`);
}
