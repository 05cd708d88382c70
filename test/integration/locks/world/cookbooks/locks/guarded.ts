import type { Args, LockArgs, Spicerack } from '../../../../../../src/sumac.ts';
import { ContinueRequested } from '../../../../../../workflows/engine/failure.ts';
import { currentRun } from '../../../../../../workflows/engine/run-state.ts';
import { Locks } from '../../../../../../workflows/spicerack/lock.ts';
import { holds, set } from '../../../../../support/world/call.ts';

export const title = 'Works under a lock of its own, beside the automatic one';
export const lockArgs = (args: Args): LockArgs => ({
  suffix: String(args.suffix ?? args.host),
  concurrency: 1,
  ttl: ttlOf(args),
});

const ttlOf = (args: Args): string => String(args.ttl ?? '10s');

/** Waits under the lock `args.lock`, or several of them, for `args.until`; with `args.again` it continues as new there first. */
export async function run(args: Args, spicerack: Spicerack): Promise<void> {
  const lock = (args.lock ?? args.host) as string | string[];
  await new Locks().lock(lock, { concurrency: 1, ttl: ttlOf(args) }, async () => {
    spicerack.log.info(`inside ${String(lock)}`);
    await spicerack.step('enter', {
      write: () => set(`enter ${spicerack.run}`),
      undo: () => set(`undo ${spicerack.run}`),
    });
    await spicerack.step('wait', { check: () => holds(String(args.until ?? args.host)), within: '2m', every: '100ms' });
    if (args.again === true && currentRun().carry.state.again === undefined) {
      currentRun().carry.state.again = true;
      throw new ContinueRequested('asked to');
    }
    await spicerack.step('leave', { write: () => set(`leave ${spicerack.run}`), undo: 'impossible' });
  });
}
