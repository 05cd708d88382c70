import { openSpicerack } from './spicerack.ts';
import { openStage } from './stage.ts';
import { beside, inTurns, timedCall } from './table.ts';

/** An empty cookbook from the shell to its end, locks on, beside Spicerack's. */
export async function shell(): Promise<void> {
  const stage = await openStage();
  try {
    const peer = await openSpicerack(stage.dir, stage.etcdUrl);
    const figures = await inTurns(
      () => timedCall(stage.cookbook, 'bench.noop'),
      () => timedCall(peer, 'bench.noop'),
    );
    beside('an empty cookbook from the shell', figures, 'Spicerack', 0.5);
  } finally {
    await stage.stop();
  }
}
