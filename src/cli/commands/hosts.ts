import { loadConfig } from '../../config/load.ts';
import { bounded, resolveQuery } from '../../query/query.ts';
import { type Globals, maxHostsOf } from '../globals.ts';

/** `cookbook hosts QUERY [--expand|--json] [--backend NAME]`: the hosts of a query, asked for by this process; none is said on stderr, exit 0. */
export async function hosts(
  { configFile, maxHosts }: Globals,
  query: string,
  { expand, json, backend }: { expand?: boolean; json?: boolean; backend?: string },
): Promise<number> {
  const most = maxHostsOf(maxHosts);
  const { config } = await loadConfig(configFile);
  const warn = (message: string) => void process.stderr.write(`${message}\n`);
  const found = await resolveQuery(query, { config, signal: new AbortController().signal, warn }, backend);
  bounded(query, found, { allowEmpty: true, maxHosts: most });
  const { size } = found;
  const folded = found.toString();
  if (size === 0) warn('No hosts found that matches the query');
  if (json === true) process.stdout.write(`${JSON.stringify({ hosts: [...found], folded, count: size })}\n`);
  else if (size > 0) process.stdout.write(`${expand === true ? [...found].join('\n') : folded}\n`);
  return 0;
}
