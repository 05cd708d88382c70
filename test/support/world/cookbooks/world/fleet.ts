import type { Args, Spicerack } from '../../../../../src/sumac.ts';
import { set } from '../../call.ts';

export const title = 'A fleet of one-host runs';

export async function run(args: Args, spicerack: Spicerack) {
  await spicerack.step('before the fleet', { write: () => set('before the fleet'), undo: () => set('undo before') });
  const hosts = args.hosts as string[];
  const result = await spicerack.fleet(hosts, {
    cookbook: 'world.one-host',
    args: (host) => [host],
    ...(args.options as { width: number }),
  });
  await spicerack.step('after the fleet', { write: () => set('after the fleet'), undo: () => set('undo after') });
  spicerack.report(result.map(({ host, state }) => `${host} ${state}`));
}
