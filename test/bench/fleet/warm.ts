import { warmCases } from './cases.ts';
import { costs } from './cost.ts';
import { startFleet } from './lab.ts';
import { report } from './report.ts';

const times = 20;

/** 20 times `true`, each on all hosts before the next, in one process, beside peers that keep connections or do not. */
export async function fleetWarm(hosts: number): Promise<void> {
  const lab = await startFleet(hosts);
  try {
    report(`${times} commands on ${hosts} hosts, one process`, await costs(lab, await warmCases(lab, hosts, times)), {
      cumin: 1 / 20,
      'cumin with ControlMaster': 1 / 3,
      asyncssh: 1,
    });
  } finally {
    await lab.close();
  }
}
