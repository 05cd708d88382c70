import type { Config } from '../config/schema.ts';
import { HostSet } from '../model/host-set.ts';
import { glob } from './known-hosts.ts';

/** The first site of the configuration whose hosts include this one; none when the run's own workers reach it. */
export function siteOf(sites: Config['sites'], host: string): string | undefined {
  return Object.entries(sites).find(([, { hosts }]) => includes(hosts, host))?.[0];
}

/** A comma list of host sets and of patterns with `*` or `?`. */
function includes(expression: string, host: string): boolean {
  return expression
    .split(/,(?![^[]*\])/)
    .map((item) => item.trim())
    .some((item) => (/[*?]/.test(item) ? glob(item).test(host) : HostSet.parse(item).has(host)));
}
