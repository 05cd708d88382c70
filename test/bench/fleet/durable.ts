import { openStage } from '../stage.ts';
import { type Bar, inTurns, median, row, timedCall } from '../table.ts';
import { library, ours } from './cases.ts';
import { startFleet } from './lab.ts';

const times = 20;

/**
 * 20 times `true` on so many hosts as a run from the shell to its end, journal included: each a step of its own,
 * and all in one step. The worker keeps its connections from one run to the next, as it does between operators.
 */
export async function fleetDurable(hosts: number): Promise<void> {
  const lab = await startFleet(hosts);
  const stage = await openStage(lab.config);
  try {
    const cumin = await library('cumin', lab, hosts, times);
    const run = ['bench.commands', lab.query(hosts), String(times), 'true'];
    const [theirs = [], bare = [], steps = [], one = []] = await inTurns(
      () => timedCall(cumin),
      () => timedCall(ours(lab, hosts, times)),
      () => timedCall(stage.cookbook, ...run),
      () => timedCall(stage.cookbook, ...run, '--one-step'),
    );
    const what = `${times} commands on ${hosts} hosts`;
    const against = (figures: number[], text: string, other: number[], most: number): Bar => {
      const factor = median(figures) / median(other);
      return { text: `${factor.toFixed(2)} x ${text}, at most ${most}`, met: factor <= most };
    };
    const bars = (figures: number[]) => [
      against(figures, 'the bare transport', bare, 2),
      against(figures, 'cumin', theirs, 0.1),
    ];
    row(`${what}, cumin`, theirs, 'ms');
    row(`${what}, bare transport`, bare, 'ms');
    row(`${what}, durable, a step each`, steps, 'ms', ...bars(steps));
    row(`${what}, durable, one step`, one, 'ms', ...bars(one));
  } finally {
    await stage.stop();
    await lab.close();
  }
}
