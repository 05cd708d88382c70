import type { Args, Spicerack } from '../../../../../../src/sumac.ts';
import { set } from '../../../../../support/world/call.ts';

export const title = 'Works for a moment on hosts it finds out on its way';

export async function run(args: Args, spicerack: Spicerack): Promise<void> {
  const hosts = await spicerack.remote().query(String(args.host));
  await spicerack.lockHosts(hosts, { ttl: '10s' }, () =>
    spicerack.step('enter', { write: () => set(`enter ${spicerack.run}`), undo: () => Promise.resolve() }),
  );
}
