import { lockKey, type LockKind } from './lock-name.ts';

/** Locks under which an effect takes place, taken together: what the worker and the host ask for before they let it happen. */
export interface Fence {
  kind: LockKind;
  /** In the order in which they were taken. */
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

/** Name of the header that carries the {@link Fence}s of an effect. */
export const fencesHeader = 'sumac-locks';

/** The keys in etcd by which the locks are held. */
export const holderKeys = ({ kind, names, holder }: Pick<Fence, 'kind' | 'names' | 'holder'>): string[] =>
  names.map((name) => `${lockKey(kind, name)}/${holder}`);
