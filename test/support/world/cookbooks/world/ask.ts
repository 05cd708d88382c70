import type { Args, Spicerack } from '../../../../../src/sumac.ts';
import { set } from '../../call.ts';

export const title = 'Asks before and after';

export async function run(args: Args, spicerack: Spicerack) {
  await spicerack.askConfirmation('really?');
  const colour = await spicerack.askInput('which colour?', { choices: ['red', 'blue'] });
  const done = await spicerack.confirmOnFailure(() =>
    spicerack.step('paint', { write: () => set(`paint ${colour}`), undo: () => set('strip') }),
  );
  await spicerack.runCookbook('world.one-host', [`child of ${String(args.name)}`]);
  spicerack.report({ colour, skipped: done === undefined });
}
