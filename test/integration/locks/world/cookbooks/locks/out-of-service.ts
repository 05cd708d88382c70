import type { Args, LockArgs, Spicerack } from '../../../../../../src/sumac.ts';
import { holds, look, set } from '../../../../../support/world/call.ts';

export const title = 'Takes a host of a group out of service';
export const lockArgs = (args: Args): LockArgs => ({ suffix: String(args.host), ttl: '10s' });

/** Waits out of service for `args.until`; the host is healthy once the effect `args.healthy` took place. */
export async function run(args: Args, spicerack: Spicerack): Promise<void> {
  const healthy = async () => {
    if ((await look(String(args.healthy))) === 0) throw new Error(`${args.host} is not healthy`);
  };
  const budget = { group: String(args.group), max: Number(args.max), healthy };
  await spicerack.outOfService(String(args.host), budget, async () => {
    await spicerack.step('enter', {
      write: () => set(`enter ${spicerack.run}`),
      undo: () => set(args.repaired === true ? String(args.healthy) : `undo ${spicerack.run}`),
    });
    await spicerack.step('wait', { check: () => holds(String(args.until)), within: '2m', every: '100ms' });
    if (args.fails === true) throw new Error('told to');
    await spicerack.step('repair', { write: () => set(String(args.healthy)), undo: () => Promise.resolve() });
  });
  if (args.twice !== true) return;
  await spicerack.outOfService(String(args.host), budget, () => Promise.resolve());
  await spicerack.step('wait for the end', {
    check: () => holds(`${spicerack.run}-end`),
    within: '2m',
    every: '100ms',
  });
}
