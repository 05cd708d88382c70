import type { Args, LockArgs, Spicerack } from '../../../../../../src/sumac.ts';
import { holds, set } from '../../../../../support/world/call.ts';

export const title = 'Works on hosts that no other cookbook works on meanwhile';
export const hosts = (args: Args): string => String(args.host);
export const lockHosts = true;
export const lockArgs = (): LockArgs => ({ ttl: '10s' });

export async function run(args: Args, spicerack: Spicerack): Promise<void> {
  await spicerack.step('enter', { write: () => set(`enter ${spicerack.run}`), undo: () => Promise.resolve() });
  await spicerack.step('wait', { check: () => holds(String(args.until)), within: '2m', every: '100ms' });
  await spicerack.step('leave', { write: () => set(`leave ${spicerack.run}`), undo: 'impossible' });
}
