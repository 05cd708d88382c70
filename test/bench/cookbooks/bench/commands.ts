import type { Args, Command, Spicerack } from '../../../../src/sumac.ts';

export const title = 'Runs a command a number of times, each time as a step of its own';

export const argumentParser = (parser: Command) =>
  parser
    .argument('<host>')
    .argument('<times>')
    .argument('<command>')
    .option('--safe', 'the command changes nothing: no journal');

export const hosts = (args: Args) => String(args.host);

export async function run({ times, command, safe }: Args, spicerack: Spicerack) {
  const once = (isSafe: boolean) => spicerack.hosts.runSync({ commands: [String(command)], isSafe });
  for (let i = 1; i <= Number(times); i++)
    await spicerack.step(
      `run ${i}`,
      safe === true ? { read: () => once(true) } : { write: () => once(false), undo: () => Promise.resolve() },
    );
}
