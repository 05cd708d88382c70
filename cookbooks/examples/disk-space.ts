import type { Command, Spicerack } from '../../src/sumac.ts';

export const title = 'Show which hosts have how much space left on their root disk';

export const argumentParser = (parser: Command) => parser.argument('<query>', 'the hosts');

export const hosts = (args: { query: string }) => args.query;

export async function run(_args: { query: string }, spicerack: Spicerack) {
  const results = await spicerack.step('ask the hosts', {
    read: () => spicerack.hosts.runSync({ commands: ['df --output=pcent / | tail -n 1'], isSafe: true }),
  });
  for (const [group, used] of results) spicerack.log.info(`${group.folded}: ${used.trim()} used`);
}
