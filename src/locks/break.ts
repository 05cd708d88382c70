import type { Etcd } from './etcd.ts';
import { noLease } from './record.ts';
import { createdAt, look, put, remove } from './requests.ts';

/** Longer than any worker needs to come back and ask why its lock is gone. */
const toldSeconds = 86_400;

/** Where word is left for who keeps a lock that it was broken, by whom and why; a key without a lease has a place of its own. */
export const brokenKey = (lease: string, key = ''): string => `/sumac/broken/${lease}${lease === noLease ? key : ''}`;

/** The holder that is meant, so that nobody who came after it loses what he holds. */
export interface BrokenHolder {
  key: string;
  lease: string;
  /** At which its key was created. */
  revision: string;
}

/**
 * Takes a lock away from its holder and leaves word of it.
 * @param why the same in a repeated call, which then finds it done: who, by which run, and the reason
 * @returns whether it was held by this holder until now
 */
export async function breakLock(etcd: Etcd, { key, lease, revision }: BrokenHolder, why: string): Promise<boolean> {
  const word = brokenKey(lease, key);
  const note = await etcd.grant(toldSeconds);
  const { succeeded, found } = await etcd.transact(
    [createdAt(key, revision)],
    [put(word, why, note), remove(key)],
    [look(word)],
  );
  if (lease !== noLease) await etcd.revoke(lease).catch(() => false); // ends by itself otherwise
  if (succeeded) return true;
  await etcd.revoke(note).catch(() => false);
  return found[0]?.[0]?.value === why;
}
