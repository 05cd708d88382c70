import { setTimeout as sleep } from 'node:timers/promises';
import { OpsError, lockLost } from '../model/errors.ts';
import { holderKeys, type Fence } from '../model/fence.ts';
import { brokenKey } from './break.ts';
import type { Etcd } from './etcd.ts';
import { boundTo, look } from './requests.ts';

/** An effect waits no longer for word from etcd: until the lease may be over, who keeps the lock answers for it. */
const patienceMs = 2000;
/** etcd takes 128 operations a transaction; two are needed for each key. */
const keysAtATime = 60;

/**
 * Refuses an effect one of whose locks is no longer held.
 * @throws LockLost
 */
export async function confirmHeld(etcd: Etcd, fences: readonly Fence[]): Promise<void> {
  const held = fences.flatMap((fence) => holderKeys(fence).map((key) => ({ key, lease: fence.lease })));
  for (let at = 0; at < held.length; at += keysAtATime) {
    const gone = await missing(etcd, held.slice(at, at + keysAtATime));
    if (gone)
      throw new OpsError('failed', lockLost, `lost the lock ${gone.key}: ${gone.why}; this was not started`, {
        key: gone.key,
      });
  }
}

async function missing(etcd: Etcd, held: readonly { key: string; lease: string }[]) {
  const late = new AbortController();
  try {
    const answer = await Promise.race([
      etcd.transact(
        held.map(({ key, lease }) => boundTo(key, lease)),
        [],
        [...held.map(({ key }) => look(key)), ...held.map(({ lease }) => look(brokenKey(lease)))],
      ),
      sleep(patienceMs, undefined, { signal: late.signal }),
    ]);
    if (!answer || answer.succeeded) return undefined;
    const at = held.findIndex(({ lease }, i) => answer.found[i]?.[0]?.lease !== lease);
    const broken = answer.found[held.length + at]?.[0];
    return { key: held[at]?.key ?? '', why: broken ? `broken by ${broken.value}` : 'its key is gone from etcd' };
  } catch {
    return undefined;
  } finally {
    late.abort();
  }
}
