import { createHash } from 'node:crypto';
import { join } from 'node:path';

export type Role = 'machine' | 'etcd' | 'etcd-spare' | 'install';

export interface MachineLayout {
  /** Full name, `cloudvirt1001.lab`. */
  name: string;
  short: string;
  role: Role;
  address: string;
  /** Address of its BMC. */
  mgmt: string;
  mac: string;
  netns: string;
  /** Its disk, logs and BMC. */
  dir: string;
}

/** Everything about a lab that is fixed when it is made. */
export interface LabLayout {
  name: string;
  dir: string;
  /** Number of its network among `networks`. */
  network: number;
  /** On the side of the root namespace: where the worker is seen from, and the SAL relay listens. */
  gateway: string;
  cidr: string;
  switchNetns: string;
  salPort: number;
  installSeconds: number;
  /** Seconds after which a lab that nobody owns ends. */
  life: number;
  ipmiPassword: string;
  images: { installer: string; [os: string]: string };
  machines: MachineLayout[];
}

export const oses = ['bookworm', 'trixie'] as const;
/** What every machine runs when a lab comes up. */
export const initialOs = 'bookworm';
export const domain = 'lab';
/** Networks of 10.64.0.0/12, /20 each. */
export const networks = 256;
export const prefix = 20;
export const netmask = '255.255.240.0';

export function subnet(network: number): { base: string; host: (part: number, index: number) => string } {
  const second = 64 + Math.floor(network / 16);
  const third = (network % 16) * 16;
  return {
    base: `10.${second}.${third}.0`,
    host: (part, index) => `10.${second}.${third + part}.${index}`,
  };
}

const hostPart = { machine: 1, etcd: 5, 'etcd-spare': 5, install: 0 } as const;

function machine(lab: { name: string; dir: string; network: number }, role: Role, short: string, index: number) {
  const { host } = subnet(lab.network);
  const digest = createHash('sha256').update(`${lab.network} ${short}`).digest('hex');
  return {
    name: `${short}.${domain}`,
    short,
    role,
    address: host(hostPart[role], index),
    mgmt: host(hostPart[role] + 8, index),
    mac: ['02', ...(digest.slice(0, 10).match(/../g) ?? [])].join(':'),
    netns: `sumac-${lab.name}-${short}`,
    dir: join(lab.dir, 'machines', short),
  } satisfies MachineLayout;
}

/** Machines of a lab: the fleet, the install server, and with `etcdMembers` a cluster and one machine ready to join it. */
export function machinesOf(
  lab: { name: string; dir: string; network: number },
  machines: number,
  etcdMembers: number,
): MachineLayout[] {
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
  return [
    machine(lab, 'install', 'install1001', 3),
    ...numbers(machines).map((n) => machine(lab, 'machine', `cloudvirt${1000 + n}`, n)),
    ...numbers(etcdMembers).map((n) => machine(lab, 'etcd', `tools-etcd-${n}`, n)),
    ...(etcdMembers > 0 ? [machine(lab, 'etcd-spare', `tools-etcd-${etcdMembers + 1}`, etcdMembers + 1)] : []),
  ];
}

export const installServerOf = (lab: LabLayout): MachineLayout => {
  const found = lab.machines.find((candidate) => candidate.role === 'install');
  if (!found) throw new Error(`lab ${lab.name} has no install server`);
  return found;
};

/** Paths of the install server that its http server and the tests read from outside. */
export const installPaths = (lab: LabLayout) => ({
  automation: join(lab.dir, 'install/automation'),
  snippets: join(lab.dir, 'install/automation/ttyS1-115200'),
  srv: join(lab.dir, 'install/srv'),
  proofs: join(lab.dir, 'install/srv/proofs'),
  faults: join(lab.dir, 'install/faults'),
});
