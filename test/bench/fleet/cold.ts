import { coldCases } from './cases.ts';
import { costs } from './cost.ts';
import { startFleet } from './lab.ts';
import { report } from './report.ts';

const bars = {
  cumin: 0.25,
  'cumin with curve25519': 0.65,
  clush: 1,
  'ansible raw': 1,
  'parallel-ssh': 1,
  asyncssh: 1,
};

/** `true` on so many hosts in a new process over new connections, beside every peer. */
export async function fleetCold(hosts: number): Promise<void> {
  const lab = await startFleet(hosts);
  try {
    const cpuMs = hosts <= 50 ? 300 : undefined;
    report(`true on ${hosts} hosts, cold`, await costs(lab, await coldCases(lab, hosts)), bars, cpuMs);
  } finally {
    await lab.close();
  }
}
