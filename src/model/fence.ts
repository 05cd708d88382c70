import { lockKey, packNames, unpackNames, type LockKind } from './lock-name.ts';

/** Locks under which an effect takes place, taken together: what the worker and the host ask for before they let it happen. */
export interface Fence {
  kind: LockKind;
  /** In the order in which they were taken; packed while it travels. */
  names: readonly string[];
  /** Key of the holder below that of each lock. */
  holder: string;
  /** etcd's lease, 64 bits as text. */
  lease: string;
  /** Fencing number: what is done under a lower number was done by an earlier holder. */
  number: string;
  /** Holders at a time the locks were taken for; 0 is unlimited. */
  concurrency: number;
}

// What many effects carry along is folded once.
const packs = new WeakMap<readonly string[], string[]>();

/** A fence as it travels. */
export function packFence(fence: Fence): Fence {
  const names = packs.get(fence.names) ?? packNames(fence.names);
  packs.set(fence.names, names);
  return { ...fence, names };
}

/** A fence as it was before it travelled. */
export const unpackFence = (fence: Fence): Fence => ({ ...fence, names: unpackNames(fence.names) });

/** Name of the header that carries the {@link Fence}s of an effect. */
export const fencesHeader = 'sumac-locks';

/** The keys in etcd by which the locks are held. */
export const holderKeys = ({ kind, names, holder }: Pick<Fence, 'kind' | 'names' | 'holder'>): string[] =>
  names.map((name) => `${lockKey(kind, name)}/${holder}`);
