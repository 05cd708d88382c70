import { openStage } from '../stage.ts';
import { type Bar, inTurns, median, row, timedCall } from '../table.ts';
import { coldCases } from './cases.ts';
import { startFleet } from './lab.ts';

/**
 * `cookbook exec HOSTS true` from the shell to its report, beside the `cumin` program on the same hosts: a durable run with
 * its journal. The worker keeps its connections from one run to the next, as it does between operators; cumin has none to keep.
 */
export async function fleetExec(hosts: number): Promise<void> {
  const lab = await startFleet(hosts);
  const stage = await openStage(lab.config);
  try {
    const { cumin, 'cumin with curve25519': curve25519 } = await coldCases(lab, hosts);
    if (!cumin || !curve25519) throw new Error('cumin is not among the cases');
    const run = ['exec', '--force', '--no-progress', lab.query(hosts), 'true'];
    const [theirs = [], other = [], own = []] = await inTurns(
      () => timedCall(cumin),
      () => timedCall(curve25519),
      () => timedCall(stage.cookbook, ...run),
    );
    const what = `exec of true on ${hosts} hosts`;
    const against = (peer: string, figures: number[], most: number): Bar => {
      const factor = median(own) / median(figures);
      return { text: `${factor.toFixed(2)} x ${peer}, at most ${most}`, met: factor <= most };
    };
    row(`${what}, cumin`, theirs, 'ms');
    row(`${what}, cumin with curve25519`, other, 'ms');
    row(
      `${what}, cookbook exec`,
      own,
      'ms',
      against('cumin', theirs, 0.25),
      against('cumin with curve25519', other, 0.65),
    );
  } finally {
    await stage.stop();
    await lab.close();
  }
}
