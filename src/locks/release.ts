import type { Etcd } from './etcd.ts';
import { keysOf, type LockRef, type Party } from './record.ts';
import { readLock } from './view.ts';

/** Releases a lock by the lease it was taken with. @returns whether it was still held */
export const release = (etcd: Etcd, lease: string): Promise<boolean> => etcd.revoke(lease);

/** Removes what a run holds of a lock, and its place in the queue, without knowing the lease. @returns what it held */
export async function abandon(etcd: Etcd, lock: LockRef): Promise<Party | undefined> {
  const { holder, waiter } = keysOf(lock);
  const view = await readLock(etcd, lock);
  const held = view.holders.find(({ key }) => key === holder);
  const ticket = view.waiters.find(({ key }) => key === waiter);
  for (const own of [held, ticket]) if (own) await etcd.revoke(own.lease);
  return held;
}
