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

/** `true` on 50 and on 200 hosts in a new process over new connections, beside every peer. */
export async function fleetCold(): Promise<void> {
  const lab = await startFleet(200);
  try {
    report('true on 50 hosts, cold', await costs(lab, await coldCases(lab, 50)), bars, 300);
    report('true on 200 hosts, cold', await costs(lab, await coldCases(lab, 200)), bars);
  } finally {
    await lab.close();
  }
}
