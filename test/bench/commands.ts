import { openHost } from './hosts.ts';
import { openSpicerack } from './spicerack.ts';
import { openStage } from './stage.ts';
import { inTurns, median, row, timedCall } from './table.ts';

const times = '20';
const most = 0.2;

/** A cookbook that runs `true` 20 times on one host, one after the other, from the shell to its end, beside Spicerack's. */
export async function commands(): Promise<void> {
  const host = await openHost();
  const stage = await openStage(host.config);
  try {
    const peer = await openSpicerack(stage.dir, stage.etcdUrl, host.sshConfig);
    const ours = ['bench.commands', host.name, times, 'true'];
    const [theirs = [], journalled = [], safe = []] = await inTurns(
      () => timedCall(peer, 'bench.commands', host.name, times),
      () => timedCall(stage.cookbook, ...ours),
      () => timedCall(stage.cookbook, ...ours, '--safe'),
    );
    row(`${times} commands on a host, Spicerack`, theirs, 'ms');
    for (const [what, figures] of [
      ['journalled', journalled],
      ['safe', safe],
    ] as const) {
      const factor = median(figures) / median(theirs);
      row(`${times} commands on a host, ${what}`, figures, 'ms', {
        text: `${factor.toFixed(2)} x Spicerack, at most ${most}`,
        met: factor <= most,
      });
    }
  } finally {
    await stage.stop();
    await host.close();
  }
}
