import type { Args, Spicerack } from '../../../../../../src/sumac.ts';

export const title = 'Runs another cookbook';

export async function run(args: Args, spicerack: Spicerack): Promise<void> {
  spicerack.log.info('before the child');
  await spicerack.runCookbook('locks.guarded', [String(args.child)]);
}
