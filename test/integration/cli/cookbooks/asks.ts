import type { Args, Command, Spicerack } from 'sumac';

export const title = 'Asks before it goes on';
export const ownerTeam = 'testers';
export const argumentParser = (parser: Command) => parser.argument('<word>', 'what to ask about');
export const runtimeDescription = (args: Args) => `with ${String(args['word'])}`;
export async function run(args: Args, spicerack: Spicerack) {
  await spicerack.askConfirmation(`Go on with ${String(args['word'])}?`);
}
