import { runHook } from '../src/hooks/hook.ts';
import { OpsError } from '../src/model/errors.ts';
import { type Call, converge, read } from './define.ts';

/** Hosts by the service that they serve. */
export type Pooled = Record<string, string[]>;

function hook(args: readonly string[], { deps, signal }: Call): Promise<string> {
  const program = deps.config.hooks.pool;
  if (program !== undefined) return runHook({ key: 'hooks.pool', program, code: 'POOL_FAILED' }, args, signal);
  throw new OpsError(
    'usage',
    'POOL_NOT_CONFIGURED',
    'hooks.pool is not configured: name the program there that depools and repools, or name no service to depool',
  );
}

const each = async (what: string, pooled: Pooled, call: Call): Promise<void> => {
  for (const [service, hosts] of Object.entries(pooled))
    if (hosts.length > 0) await hook([what, service, ...hosts], call);
};

/** Hosts behind load balancers, through the program `hooks.pool`. */
export const pool = {
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
