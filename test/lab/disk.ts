import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type LabLayout, type MachineLayout, initialOs, installPaths, netmask, subnet } from './layout.ts';
import { run } from './processes.ts';

/** The operating system on a machine's disk, or undefined when there is none that boots. */
export function osOnDisk(machine: MachineLayout): string | undefined {
  const marker = join(machine.dir, 'disk/os');
  return existsSync(marker) ? readFileSync(marker, 'utf8').trim() : undefined;
}

/** The public host key of the system on a machine's disk, `ssh-ed25519 AAAA...`. */
export function keyOnDisk(machine: MachineLayout, disk = 'disk/upper'): string | undefined {
  const file = join(machine.dir, disk, 'etc/ssh/ssh_host_ed25519_key.pub');
  return existsSync(file) ? readFileSync(file, 'utf8').split(' ', 2).join(' ') : undefined;
}

/** Makes a machine's folder: what each installation takes (`seed`) and what its first system has of its own (`initial`). */
export async function prepareDisk(lab: LabLayout, machine: MachineLayout): Promise<void> {
  for (const folder of ['root', 'seed', 'faults', 'initial/etc/ssh'])
    mkdirSync(join(machine.dir, folder), { recursive: true });
  cpSync(join(lab.dir, 'client.pub'), join(machine.dir, 'seed/authorized_keys'));
  const hosts = lab.machines.map(({ address, name, short }) => `${address} ${name} ${short}`);
  writeFileSync(join(machine.dir, 'seed/hosts'), ['127.0.0.1 localhost', ...hosts, ''].join('\n'));
  const key = join(machine.dir, 'initial/etc/ssh/ssh_host_ed25519_key');
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', `root@${machine.name}`, '-f', key]);
  if (machine.role === 'install') layInstallServer(lab, machine);
  if (machine.role === 'etcd' || machine.role === 'etcd-spare') layEtcd(lab, machine);
}

/** Puts the machine's first system on its disk again, with its first host key. */
export async function layInitial(machine: MachineLayout): Promise<void> {
  const disk = join(machine.dir, 'disk');
  rmSync(disk, { recursive: true, force: true });
  mkdirSync(disk);
  const script = join(import.meta.dirname, 'machine/lay-down.sh');
  await run('sh', [script, disk, join(machine.dir, 'seed'), initialOs, machine.name, join(machine.dir, 'initial')]);
}

const extra = (machine: MachineLayout, path: string): string => {
  const file = join(machine.dir, 'initial', path);
  mkdirSync(join(file, '..'), { recursive: true });
  return file;
};

function enable(machine: MachineLayout, unit: string): void {
  symlinkSync(unit, extra(machine, join('etc/systemd/system/multi-user.target.wants', basename(unit))));
}

function layInstallServer(lab: LabLayout, machine: MachineLayout): void {
  const paths = installPaths(lab);
  for (const folder of [paths.snippets, paths.proofs, paths.faults, join(paths.automation, 'proxies')])
    mkdirSync(folder, { recursive: true });
  writeFileSync(join(paths.automation, 'proxies/ttyS1-115200.conf'), '');
  const script = extra(machine, 'usr/local/sbin/dhcpincludes');
  cpSync(join(import.meta.dirname, 'install/dhcpincludes'), script);
  chmodSync(script, 0o755);
  cpSync(join(import.meta.dirname, 'install/dhcpd.service'), extra(machine, 'etc/systemd/system/dhcpd.service'));
  enable(machine, '/etc/systemd/system/dhcpd.service');
  const config = [
    '# Only hosts that have a snippet get an answer.',
    'authoritative;',
    'ddns-update-style none;',
    'deny unknown-clients;',
    `subnet ${subnet(lab.network).base} netmask ${netmask} { }`,
    'include "/etc/dhcp/automation/proxies/ttyS1-115200.conf";',
    '',
  ];
  writeFileSync(extra(machine, 'etc/dhcp/dhcpd.conf'), config.join('\n'));
}

function layEtcd(lab: LabLayout, machine: MachineLayout): void {
  const isMember = machine.role === 'etcd';
  const cluster = lab.machines.filter(({ role }) => role === 'etcd' || (role === 'etcd-spare' && !isMember));
  const settings = {
    NAME: machine.name,
    DATA_DIR: '/var/lib/etcd/default',
    LISTEN_PEER_URLS: `http://${machine.address}:2380`,
    LISTEN_CLIENT_URLS: `http://${machine.address}:2379,http://127.0.0.1:2379`,
    INITIAL_ADVERTISE_PEER_URLS: `http://${machine.name}:2380`,
    ADVERTISE_CLIENT_URLS: `http://${machine.name}:2379`,
    INITIAL_CLUSTER: cluster.map(({ name }) => `${name}=http://${name}:2380`).join(','),
    INITIAL_CLUSTER_TOKEN: 'tools',
    INITIAL_CLUSTER_STATE: isMember ? 'new' : 'existing',
  };
  const lines = Object.entries(settings).map(([key, value]) => `ETCD_${key}="${value}"\n`);
  writeFileSync(extra(machine, 'etc/default/etcd'), lines.join(''));
  if (isMember) enable(machine, '/lib/systemd/system/etcd.service');
}
