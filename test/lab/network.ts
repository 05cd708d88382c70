import { readdirSync } from 'node:fs';
import { type LabLayout, type MachineLayout, prefix } from './layout.ts';
import { run } from './processes.ts';

export const rootInterface = (network: number): string => `sumac${network}`;
export const netnsPrefix = (name: string): string => `sumac-${name}-`;
const port = (lab: LabLayout, machine: MachineLayout) => `port${lab.machines.indexOf(machine)}`;

/** One switch, a cable to each machine and one to the root namespace; the BMCs' addresses are on the switch. */
export async function makeNetwork(lab: LabLayout): Promise<void> {
  const cables = lab.machines.map((machine) => ({ machine, port: port(lab, machine) }));
  const root = rootInterface(lab.network);
  const outside = [
    `netns add ${lab.switchNetns}`,
    `link add ${root} type veth peer name root netns ${lab.switchNetns}`,
    `addr add ${lab.gateway}/${prefix} dev ${root}`,
    `link set ${root} up`,
    ...cables.flatMap(({ machine, port }) => [
      `netns add ${machine.netns}`,
      `link add ${port} netns ${lab.switchNetns} type veth peer name eth0 address ${machine.mac} netns ${machine.netns}`,
    ]),
  ];
  const inside = [
    'link set lo up',
    'link add br0 type bridge',
    'link set br0 up',
    'link set root master br0 up',
    ...cables.flatMap(({ machine, port }) => [
      `addr add ${machine.mgmt}/${prefix} dev br0`,
      `link set ${port} master br0 up`,
    ]),
  ];
  await run('ip', ['-batch', '-'], outside.join('\n'));
  await run('ip', ['-n', lab.switchNetns, '-batch', '-'], inside.join('\n'));
}

/** Pulls a machine's cable out of the switch, or puts it back. */
export async function setCable(lab: LabLayout, machine: MachineLayout, state: 'up' | 'down'): Promise<void> {
  await run('ip', ['-n', lab.switchNetns, 'link', 'set', port(lab, machine), state]);
}

/** The network card while the power is on; the system's address if it is one that has its own. */
export async function setCard(machine: MachineLayout, state: 'up' | 'down', address?: string): Promise<void> {
  const commands = [
    'addr flush dev eth0',
    `link set eth0 ${state}`,
    `link set lo ${state}`,
    ...(address ? [`addr add ${address}/${prefix} dev eth0`] : []),
  ];
  await run('ip', ['-n', machine.netns, '-batch', '-'], commands.join('\n'));
}

export const namespacesOf = (name: string): string[] => {
  try {
    return readdirSync('/run/netns').filter((entry) => entry.startsWith(netnsPrefix(name)));
  } catch {
    return [];
  }
};

/** Removes every namespace of a lab, and so its cables; whatever lived in them must have ended. */
export async function removeNetwork(name: string): Promise<void> {
  const commands = namespacesOf(name).map((namespace) => `netns del ${namespace}`);
  // Another process may be removing the same lab.
  const failure = await run('ip', ['-force', '-batch', '-'], commands.join('\n')).catch((error: unknown) => error);
  if (namespacesOf(name).length > 0) throw failure;
}
