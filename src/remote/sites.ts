import type { Config } from '../config/schema.ts';
import { HostSet } from '../model/host-set.ts';
import { glob } from './known-hosts.ts';

type Sites = Config['sites'];

const tests = new WeakMap<Sites, [site: string, includes: (host: string) => boolean][]>();

/** The first site of the configuration whose hosts include this one; none when the run's own workers reach it. */
export function siteOf(sites: Sites, host: string): string | undefined {
  let all = tests.get(sites);
  if (!all) tests.set(sites, (all = Object.entries(sites).map(([site, { hosts }]) => [site, test(hosts)])));
  return all.find(([, includes]) => includes(host))?.[0];
}

/** A comma list of host sets and of patterns with `*` or `?`. */
function test(expression: string): (host: string) => boolean {
  const items = expression.split(/,(?![^[]*\])/).map((item) => item.trim());
  const patterns = items.filter((item) => /[*?]/.test(item)).map(glob);
  const sets = items.filter((item) => !/[*?]/.test(item)).map((item) => HostSet.parse(item));
  return (host) => sets.some((set) => set.has(host)) || patterns.some((pattern) => pattern.test(host));
}

/** The task queue of the workers that reach the hosts of a site; without one, of those that serve the runs. */
export function queueOf({ sites, temporal }: Pick<Config, 'sites' | 'temporal'>, site: string | undefined): string {
  if (site === undefined) return temporal.task_queue;
  return sites[site]?.task_queue ?? `${temporal.task_queue}-${site}`;
}
