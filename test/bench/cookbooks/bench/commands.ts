import type { Args, Command, Spicerack } from '../../../../src/sumac.ts';

export const title = 'Runs a command a number of times, each time as a step of its own';

export const argumentParser = (parser: Command) =>
  parser
    .argument('<host>')
    .argument('<times>')
    .argument('<command>')
    .option('--safe', 'the command changes nothing: no journal')
    .option('--one-step', 'all of them in one step');

export const hosts = (args: Args) => String(args.host);

export async function run({ times, command, safe, oneStep }: Args, spicerack: Spicerack) {
  const commands = Array.from({ length: oneStep === true ? Number(times) : 1 }, () => String(command));
  const once = (isSafe: boolean) => spicerack.hosts.runSync({ commands, isSafe });
  for (let i = 1; i <= Number(times) / commands.length; i++)
    await spicerack.step(
      `run ${i}`,
      safe === true ? { read: () => once(true) } : { write: () => once(false), undo: () => Promise.resolve() },
    );
}
