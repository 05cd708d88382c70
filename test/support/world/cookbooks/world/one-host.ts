import type { Args, Command, Spicerack } from '../../../../../src/sumac.ts';
import { set } from '../../call.ts';

export const title = 'Touches one host';
export const argumentParser = (parser: Command) => parser.argument('<host>');

export async function run(args: Args, spicerack: Spicerack) {
  await spicerack.step(`touch ${String(args.host)}`, {
    write: () => set(`touch ${String(args.host)}`),
    undo: () => set(`untouch ${String(args.host)}`),
  });
}
