import type { Args, LockArgs, Spicerack } from '../../../../../../src/sumac.ts';
import { holds, set } from '../../../../../support/world/call.ts';

export const title = 'Takes one lock inside of the other';
export const lockArgs = (args: Args): LockArgs => ({ suffix: String(args.suffix), ttl: '10s' });

/** Holds `args.first`, and after `args.until` asks for `args.second`: a lock, `group:NAME` or `cookbook:SUFFIX` of a child run. */
export async function run(args: Args, spicerack: Spicerack): Promise<void> {
  await under(spicerack, String(args.first), async () => {
    await spicerack.step('enter', {
      write: () => set(`enter ${spicerack.run}`),
      undo: () => set(`undo ${spicerack.run}`),
    });
    await spicerack.step('wait', { check: () => holds(String(args.until)), within: '2m', every: '100ms' });
    await under(spicerack, String(args.second), async () => {
      await spicerack.step('both', { write: () => set(`both ${spicerack.run}`), undo: () => Promise.resolve() });
    });
  });
}

async function under(spicerack: Spicerack, name: string, body: () => Promise<void>): Promise<void> {
  const [, kind, rest = ''] = /^(group|cookbook):(.*)$/.exec(name) ?? [];
  if (kind === 'cookbook') await spicerack.runCookbook('locks.guarded', [rest], { raises: true });
  else if (kind === 'group')
    await spicerack.outOfService('h', { group: rest, max: 1, healthy: () => Promise.resolve() }, body);
  else await spicerack.lock(name, { ttl: '10s' }, body);
}
