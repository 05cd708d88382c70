import { runHook } from '../src/hooks/hook.ts';
import { type Selection, selectors } from '../src/hooks/selectors.ts';
import { OpsError } from '../src/model/errors.ts';
import { HostSet } from '../src/model/host-set.ts';
import { shorten } from '../src/remote/command.ts';
import { type Call, converge, read } from './define.ts';
import { queried } from './queried.ts';

/** Hosts by the service that they serve. */
export type Pooled = Record<string, string[]>;

const knowsNoService = 'that depools and repools, or name no service to depool';
const knowsNoTags = 'that lists hosts by their tags, or name the hosts';

function hook(args: readonly string[], { deps, signal }: Call, otherwise = knowsNoService): Promise<string> {
  const program = deps.config.hooks.pool;
  if (program !== undefined) return runHook({ key: 'hooks.pool', program, code: 'POOL_FAILED' }, args, signal);
  throw new OpsError(
    'usage',
    'POOL_NOT_CONFIGURED',
    `hooks.pool is not configured: name the program there ${otherwise}`,
  );
}

const each = async (what: string, pooled: Pooled, call: Call): Promise<void> => {
  for (const [service, hosts] of Object.entries(pooled))
    if (hosts.length > 0) await hook([what, service, ...hosts], call);
};

async function hosts(selection: Selection & { maxHosts?: number | undefined }, call: Call) {
  const { entity, tags, maxHosts } = selection;
  const said = await hook(['hosts', entity, ...selectors(selection)], call, knowsNoTags);
  const names = said.split(/\s+/).filter((name) => name !== '');
  const wrong = names.find((name) => !/^\w[\w.-]*$/.test(name));
  if (wrong !== undefined)
    throw new OpsError(
      'failed',
      'POOL_FAILED',
      `hooks.pool ${call.deps.config.hooks.pool} hosts: '${shorten(wrong)}' is no name of a host: it is to print one a line, and nothing else`,
    );
  const wanted = Object.entries(tags).map(([tag, regex]) => `${tag}=${regex}`);
  return queried(`confctl ${entity} ${wanted.join(' ')}`, HostSet.of(names), { maxHosts }, call);
}

/** Hosts behind load balancers, through the program `hooks.pool`. */
export const pool = {
  /**
   * The hosts whose objects in conftool have these tags, and how they are reached.
   * Throws OPTION_INVALID, QUERY_EMPTY, TOO_MANY_HOSTS, HOST_UNKNOWN, POOL_FAILED, POOL_NOT_CONFIGURED.
   */
  'pool.hosts': read(hosts),

  /** Which of the hosts serve which of the services. Throws POOL_FAILED, POOL_NOT_CONFIGURED. */
  'pool.pooled': read(async ({ services, hosts }: { services: readonly string[]; hosts: readonly string[] }, call) => {
    const pooled: Pooled = {};
    for (const service of services) {
      const said = new Set((await hook(['pooled', service, ...hosts], call)).split(/\s+/));
      pooled[service] = hosts.filter((host) => said.has(host));
    }
    return pooled;
  }),

  /** Takes hosts out of services. Throws POOL_FAILED. */
  'pool.depool': converge((pooled: Pooled, call) => each('depool', pooled, call)),

  /** Puts hosts back into services. Throws POOL_FAILED. */
  'pool.repool': converge((pooled: Pooled, call) => each('repool', pooled, call)),
};
