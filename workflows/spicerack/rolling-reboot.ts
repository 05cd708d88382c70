import { sleep } from '@temporalio/workflow';
import type { InputOf } from '../../activities/index.ts';
import type { QueriedHost } from '../../activities/queried.ts';
import { OpsError } from '../../src/model/errors.ts';
import { fold } from '../../src/model/host-set.ts';
import { call } from '../engine/call.ts';
import { failureText, isCancelled, isUnknownOutcome } from '../engine/failure.ts';

/** How several hosts are rebooted. */
export interface RollingReboot {
  /** Hosts that are down at a time. */
  batchSize: number;
  /** Milliseconds between one that is back and the next in its place. */
  batchSleepMs: number;
  /** How they are reached, and as whom they are told. */
  access: Omit<InputOf<'remote.bootId'>, 'host'>;
  told: Omit<InputOf<'remote.reboot'>, 'host'>;
}

/**
 * Reboots hosts through a sliding window: the next one in a place once the one before is back with another boot id.
 * @throws REBOOT_FAILED naming the hosts that did not come back and those that were not told
 */
export async function rollingReboot(hosts: readonly QueriedHost[], options: RollingReboot): Promise<void> {
  const left = [...hosts];
  const failed = new Map<string, unknown>();
  const place = async () => {
    for (let host = left.shift(); host; host = left.shift()) {
      try {
        await rebootOne(host, options);
      } catch (error) {
        if (isCancelled(error)) throw error;
        failed.set(host.name, error);
      }
      if (failed.size > 0) return;
      if (left.length > 0) await sleep(options.batchSleepMs);
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: Math.min(options.batchSize, hosts.length) }, place));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  if (failed.size === 0) return;
  const why = [...failed].map(([host, error]) => `${host}: ${failureText(error)}`).join('; ');
  const rest = left.length === 0 ? '' : `; ${fold(left.map(({ name }) => name))} not rebooted`;
  const kind = [...failed.values()].some(isUnknownOutcome) ? 'unknown' : 'failed';
  throw new OpsError(kind, 'REBOOT_FAILED', `${why}${rest}`, { hosts: [...failed.keys()] });
}

async function rebootOne({ name: host, site }: QueriedHost, { access, told }: RollingReboot): Promise<void> {
  const bootId = await call('remote.bootId', { host, ...access }, { site });
  let unclear: unknown;
  try {
    await call('remote.reboot', { host, ...told }, { site });
  } catch (error) {
    if (!isUnknownOutcome(error)) throw error;
    unclear = error; // Its boot id will tell.
  }
  try {
    await call('remote.rebooted', { host, bootId, ...access }, { site });
  } catch (error) {
    if (unclear === undefined || isCancelled(error)) throw error;
    throw new OpsError('unknown', 'REBOOT_OUTCOME_UNKNOWN', `${failureText(unclear)}; ${failureText(error)}`);
  }
}
