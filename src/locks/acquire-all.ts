import { OpsError } from '../model/errors.ts';
import { acquire, isCancelled, type Waiting } from './acquire.ts';
import { firstMissing } from './confirm.ts';
import type { Etcd } from './etcd.ts';
import type { LockRecord, LockRef, Party } from './record.ts';
import { abandon } from './release.ts';
import { look } from './requests.ts';

/** Locks held together. */
export interface HeldTogether {
  first: Party;
  /** Fencing number: the greatest revision at which a key of theirs was created. */
  number: string;
}

/**
 * Takes several locks under one lease, in the order given, which has to be the same for everybody: then no two that want
 * the same ones wait for each other. All or, in the end, none.
 * @throws as {@link acquire}
 */
export async function acquireAll(
  etcd: Etcd,
  locks: readonly LockRef[],
  record: LockRecord,
  waiting: Waiting,
): Promise<HeldTogether> {
  let first: Party | undefined;
  const keys: string[] = [];
  let number = '0';
  try {
    for (const lock of locks) {
      const held = await acquire(etcd, lock, record, { ...waiting, lease: first?.lease });
      first ??= held;
      keys.push(held.key);
      if (BigInt(held.revision) > BigInt(number)) number = held.revision;
    }
    if (!first) throw new OpsError('usage', 'InvalidLock', 'no lock is named');
    if (keys.length === 1) return { first, number };
    const { lease } = first;
    const { found } = await etcd.transact([], [look(first.key)]);
    const gone = await firstMissing(
      etcd,
      keys.map((key) => ({ key, lease })),
    );
    // Another attempt takes them anew.
    if (gone ?? found[0]?.[0]?.lease !== lease)
      throw new OpsError(
        'transient',
        'ETCD_UNAVAILABLE',
        `${gone?.key ?? first.key} was lost before all locks were taken`,
      );
    return { first, number };
  } catch (error) {
    const cancelled = isCancelled(waiting.signal);
    if (first && (cancelled || (error instanceof OpsError && error.kind === 'failed')))
      await etcd.revoke(first.lease).catch(() => false); // ends by itself otherwise
    if (cancelled) for (const lock of locks) await abandon(etcd, lock);
    throw error;
  }
}
