import { log } from '@temporalio/workflow';
import type { Pooled } from '../../activities/pool.ts';
import { fold } from '../../src/model/host-set.ts';
import { call } from '../engine/call.ts';
import { settle, step } from '../engine/step.ts';
import type { RemoteHosts } from './remote.ts';

/**
 * Calls `body` while those of the hosts that serve are out of the services; they are repooled when it returns, and by the rollback when it throws.
 * @throws POOL_FAILED, POOL_NOT_CONFIGURED; what `body` throws
 */
export async function depooled<T>(services: readonly string[], hosts: RemoteHosts, body: () => Promise<T>): Promise<T> {
  const where = `${String(hosts)} from ${services.join(', ')}`;
  // A person may have left it out, and a dry run may not have been able to tell.
  const pooled =
    (await step<Pooled | undefined>(`which of ${where} are pooled`, {
      read: () => call('pool.pooled', { services, hosts: hosts.hosts }),
    })) ?? {};
  const name = `depool ${where}`;
  await step(name, {
    write: () => call('pool.depool', pooled),
    undo: () => call('pool.repool', pooled),
    guaranteed: true,
  });
  for (const service of services) {
    const serving = pooled[service] ?? [];
    log.info(
      serving.length > 0 ? `depooled ${fold(serving)} from ${service}` : `of ${String(hosts)} none serves ${service}`,
    );
  }
  const value = await body();
  await settle(name);
  for (const [service, serving] of Object.entries(pooled))
    if (serving.length > 0) log.info(`repooled ${fold(serving)} in ${service}`);
  return value;
}
