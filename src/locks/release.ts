import type { Etcd } from './etcd.ts';
import { keysOf, releasedKey, type LockRef, type Party } from './record.ts';
import { boundTo, put, remove } from './requests.ts';
import { readLock } from './view.ts';

/**
 * Releases a lock by the lease it was taken with. A note bound to the same lease tells who keeps it that it is not lost;
 * the keeper then ends the lease, else its time does.
 * @returns whether it was still held
 */
export async function release(etcd: Etcd, lock: LockRef, lease: string): Promise<boolean> {
  const { holder } = keysOf(lock);
  const { succeeded } = await etcd.transact(
    [boundTo(holder, lease)],
    [remove(holder), put(releasedKey(lease), holder, lease)],
  );
  if (!succeeded) await etcd.revoke(lease);
  return succeeded;
}

/** Removes what a run holds of a lock, and its place in the queue, without knowing the lease. @returns what it held */
export async function abandon(etcd: Etcd, lock: LockRef): Promise<Party | undefined> {
  const { holder, waiter } = keysOf(lock);
  const view = await readLock(etcd, lock);
  const held = view.holders.find(({ key }) => key === holder);
  const ticket = view.waiters.find(({ key }) => key === waiter);
  for (const own of [held, ticket]) if (own) await etcd.revoke(own.lease);
  return held;
}
