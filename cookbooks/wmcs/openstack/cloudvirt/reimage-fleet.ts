import { duration, wholeNumber, type Command, type Spicerack } from '../../../../src/sumac.ts';

export const title = 'Install an operating system on many hypervisors, some at a time';

export const argumentParser = (parser: Command) =>
  parser
    .argument('<query>', 'the hosts; everything on their disks is lost')
    .requiredOption('--os <codename>', 'the operating system to install, for example trixie')
    .option('--width <number>', 'hosts at a time', wholeNumber({ least: 1 }), 1)
    .option('--canaries <number>', 'hosts that go first; the others wait until these have passed', wholeNumber(), 1)
    .option('--max-failed <number>', 'hosts that may fail before no further one is started', wholeNumber(), 0)
    .option('--bake <duration>', 'how long to watch the canaries before the others start', duration)
    .option('--pause-between <duration>', 'rest between the end of one host and the start of the next', duration)
    .option('--force', 'do not ask for confirmation');

interface Args {
  query: string;
  os: string;
  width: number;
  canaries: number;
  maxFailed: number;
  bake?: string;
  pauseBetween?: string;
  force?: true;
}

export const hosts = ({ query }: Args) => query;
export const lockArgs = () => ({ concurrency: 1 });
export const runtimeDescription = ({ query, os, width }: Args) => `for ${query} with OS ${os}, ${width} at a time`;

export async function run({ os, width, canaries, maxFailed, bake, pauseBetween, force }: Args, spicerack: Spicerack) {
  const { hosts } = spicerack.hosts;
  if (!force)
    await spicerack.askConfirmation(
      `Wipe these ${hosts.length} hosts and install ${os} on them, ${width} at a time: ${spicerack.hosts.folded}?`,
    );
  const states = await spicerack.fleet(hosts, {
    cookbook: 'sre.hosts.reimage',
    args: (host) => [host, '--os', os, '--force'],
    width,
    canaries,
    maxFailed,
    ...(bake !== undefined && { bake }),
    ...(pauseBetween !== undefined && { pauseBetween }),
  });
  spicerack.report({ os, hosts: states });
  return states.some(({ state }) => state === 'failed') ? 1 : 0;
}
