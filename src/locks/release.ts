import type { Etcd } from './etcd.ts';
import { keysOf, noLease, releasedKey, type LockRef, type Party } from './record.ts';
import { boundTo, createdAt, look, put, remove } from './requests.ts';
import { readLock } from './view.ts';

/** etcd takes 128 operations a transaction. */
const keysAtATime = 100;

/**
 * Releases a lock by the lease it was taken with. A note bound to the same lease tells who keeps it that it is not lost;
 * the keeper then ends the lease, else its time does.
 * @param others locks taken together with it
 * @returns whether it was still held
 */
export async function release(
  etcd: Etcd,
  lock: LockRef,
  lease: string,
  others: readonly LockRef[] = [],
): Promise<boolean> {
  const { holder } = keysOf(lock);
  const outcome = await etcd.transact(
    [boundTo(holder, lease)],
    [remove(holder), put(releasedKey(lease), holder, lease)],
    [look(releasedKey(lease))],
  );
  // Asked again because the answer was lost, it finds its own word.
  const succeeded = outcome.succeeded || outcome.found[0]?.[0]?.value === holder;
  if (!succeeded) await etcd.revoke(lease);
  for (let at = 0; succeeded && at < others.length; at += keysAtATime) {
    const holders = others.slice(at, at + keysAtATime).map((other) => keysOf(other).holder);
    const { succeeded: all } = await etcd.transact(
      holders.map((holder) => boundTo(holder, lease)),
      holders.map(remove),
    );
    if (all) continue;
    // One of them was lost, so nobody keeps the lease, and nobody ends it. That frees the rest.
    await etcd.revoke(lease);
    break;
  }
  return succeeded;
}

/** Removes what a run holds of a lock, and its place in the queue, without knowing the lease. @returns what it held */
export async function abandon(etcd: Etcd, lock: LockRef): Promise<Party | undefined> {
  const { holder, waiter } = keysOf(lock);
  const view = await readLock(etcd, lock);
  const held = view.holders.find(({ key }) => key === holder);
  const ticket = view.waiters.find(({ key }) => key === waiter);
  for (const own of [held, ticket])
    if (own)
      await (own.lease === noLease
        ? etcd.transact([createdAt(own.key, own.revision)], [remove(own.key)])
        : etcd.revoke(own.lease));
  return held;
}
