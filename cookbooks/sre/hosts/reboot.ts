import { duration, type Command, type Spicerack } from '../../../src/sumac.ts';

export const title = 'Reboot hosts, one after the other';

export const argumentParser = (parser: Command) =>
  parser
    .argument('<query>', 'the hosts')
    .option('--batch-sleep <duration>', 'rest between one host and the next', duration);

interface Args {
  query: string;
  batchSleep?: string;
}

export const hosts = ({ query }: Args) => query;
/** Of several, each is locked by its own run. */
export const lockHosts = (_: Args, spicerack: Spicerack) => spicerack.hosts.length === 1;
export const lockArgs = ({ query }: Args) => ({ suffix: query.replaceAll('/', '_'), concurrency: 1 });
export const runtimeDescription = ({ query }: Args) => `of ${query}`;

export async function run({ batchSleep }: Args, spicerack: Spicerack) {
  // Several are a fleet of runs: it can be paused, skips a host, stops at the first that does not come back.
  if (spicerack.hosts.length > 1) {
    const pause = batchSleep === undefined ? {} : { pauseBetween: batchSleep };
    const options = { cookbook: 'sre.hosts.reboot', args: (host: string) => [host], width: 1, ...pause };
    await spicerack.fleet(spicerack.hosts.hosts, options);
    return;
  }

  const host = spicerack.host(spicerack.hosts.one());
  const before = await spicerack.step('note the boot id', { read: () => host.running() });
  await spicerack.step('reboot', {
    write: () => host.reboot(),
    probe: () => host.rebootedSince(before),
  });
  await spicerack.step('back and healthy', { check: () => host.healthyAfter(before), within: '40m', every: '2s' });
}
