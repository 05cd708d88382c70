import { setTimeout as sleep } from 'node:timers/promises';
import { OpsError, lockLost } from '../model/errors.ts';
import { holderKeys, type Fence } from '../model/fence.ts';
import { unpackNames } from '../model/lock-name.ts';
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
  // Locks taken together are lost together, unless a single one is taken away: who keeps them notices that.
  const held = fences.flatMap(({ names, ...fence }) =>
    holderKeys({ ...fence, names: unpackNames(names).slice(0, keysAtATime) }).map((key) => ({ key, ...fence })),
  );
  const gone = await firstMissing(etcd, held);
  if (gone)
    throw new OpsError('failed', lockLost, `lost the lock ${gone.key}: ${gone.why}; this was not started`, {
      key: gone.key,
    });
}

/** A holder's key that should be bound to a lease. */
interface HeldKey {
  key: string;
  lease: string;
}

/** The first key that is gone or bound to another lease; nothing when etcd cannot tell in time. */
export async function firstMissing(etcd: Etcd, held: readonly HeldKey[]) {
  for (let at = 0; at < held.length; at += keysAtATime) {
    const gone = await missing(etcd, held.slice(at, at + keysAtATime));
    if (gone) return gone;
  }
  return undefined;
}

async function missing(etcd: Etcd, held: readonly HeldKey[]) {
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
