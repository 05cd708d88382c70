import { log } from '@temporalio/activity';
import { OpsError } from '../src/model/errors.ts';
import { fold, type HostSet } from '../src/model/host-set.ts';
import { type Bounds, bounded } from '../src/query/query.ts';
import { queueOf, siteOf } from '../src/remote/sites.ts';
import type { Call } from './define.ts';

/** A host of a query, and the task queue of its site's workers, when they are not the run's own. */
export interface QueriedHost {
  name: string;
  site?: string;
}

export const warnOf = (query: string) => (message: string) => void log.warn(`query '${query}': ${message}`);

/**
 * The hosts that a query gave, and how they are reached.
 * @throws QUERY_EMPTY, TOO_MANY_HOSTS, HOST_UNKNOWN
 */
export async function queried(
  query: string,
  found: HostSet,
  { allowEmpty, maxHosts = Infinity }: Bounds,
  { deps, context }: Call,
) {
  const most = Math.min(maxHosts, context.maxHosts ?? deps.config.max_hosts);
  const names = [...bounded(query, found, { allowEmpty, maxHosts: most })];
  const unknown = await deps.remote.unknown(names);
  if (unknown.length > 0)
    throw new OpsError(
      'usage',
      'HOST_UNKNOWN',
      `unknown host${unknown.length > 1 ? 's' : ''} ${fold(unknown)}: neither ssh.config_file, the inventory, known_hosts nor DNS knows ${unknown.length > 1 ? 'them' : 'it'}`,
      { hosts: unknown },
    );
  const hosts = names.map((name): QueriedHost => {
    const site = queueOf(deps.config, siteOf(deps.config.sites, name));
    return { name, ...(site !== deps.config.temporal.task_queue && { site }) };
  });
  const unverified = await deps.remote.unverified(names);
  if (unverified.length > 0) warnOf(query)(`the host keys of ${fold(unverified)} are not verified`);
  // Kept for who follows the run.
  const note = unverified.length > 0 ? { unverified: fold(unverified) } : {};
  return { hosts, folded: fold(names), sliceSize: deps.config.ssh.slice_size, ...note };
}
