import type { Args, LockArgs, Spicerack } from '../../../../../../src/sumac.ts';
import { holds, set } from '../../../../../support/world/call.ts';

export const title = 'Takes two locks one after the other, and fails under the second';
export const lockArgs = (args: Args): LockArgs => ({ suffix: String(args.suffix), ttl: '10s' });

export async function run(args: Args, spicerack: Spicerack): Promise<void> {
  const did = (what: string) =>
    spicerack.step(what, {
      write: () => set(`${what} ${spicerack.run}`),
      undo: () => set(`undo ${what} ${spicerack.run}`),
    });
  await spicerack.lock(String(args.first), { ttl: '10s' }, () => did('first'));
  await spicerack.lock(String(args.second), { ttl: '10s' }, async () => {
    await did('second');
    await spicerack.step('wait', { check: () => holds(String(args.until)), within: '2m', every: '100ms' });
    throw new Error('told to');
  });
}
