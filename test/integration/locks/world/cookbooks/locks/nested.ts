import type { Args, LockArgs, Spicerack } from '../../../../../../src/sumac.ts';
import { fences, holds, set } from '../../../../../support/world/call.ts';

export const title = 'Takes a lock that it, or the run that started it, holds already';
export const lockArgs = (args: Args): LockArgs => ({ suffix: String(args.lock ?? args.host), ttl: '10s' });

/** The outer one starts itself as a child run; both take the same locks. */
export async function run(args: Args, spicerack: Spicerack): Promise<void> {
  const lock = String(args.lock ?? args.host);
  await spicerack.lock(lock, { ttl: '10s' }, async () => {
    await spicerack.lock(lock, { concurrency: 3 }, () =>
      spicerack.step('both', { write: () => set(`both ${spicerack.run}`), undo: () => set(`undo ${spicerack.run}`) }),
    );
    spicerack.report(await spicerack.step('locks', { write: fences, undo: () => Promise.resolve() }));
    if (args.lock === undefined) return;
    await spicerack.runCookbook('locks.nested', [lock], { raises: true });
    if (args.fails === true) {
      await spicerack.step('go', { check: () => holds(`${lock}-go`), within: '1m', every: '100ms' });
      throw new Error('told to');
    }
    await spicerack.lock(lock, { concurrency: 1 }, () => Promise.resolve());
    if (args.stricter === true) await spicerack.lock('loose', { concurrency: 4 }, () => exclusive(spicerack));
  });
}

const exclusive = (spicerack: Spicerack) => spicerack.lock('loose', { concurrency: 1 }, () => Promise.resolve());
