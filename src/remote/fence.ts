import { createHash } from 'node:crypto';
import { OpsError, lockLost } from '../model/errors.ts';
import { type Fence } from '../model/fence.ts';
import { hostLock, lockKey, unpackNames } from '../model/lock-name.ts';

/** A lock under which a command runs, as the journal of a host knows it. */
export interface HostFence {
  /** Key of the lock. */
  lock: string;
  /** Key of the run's holder. */
  holder: string;
  /** A command under a lower one than the highest seen there is refused. */
  number: string;
}

const unpacked = new WeakMap<Fence, Set<string>>();

/** The locks under which something happens on a host; of locks of hosts only its own, and none that several may hold, in no order. */
export const fencesOn = (fences: readonly Fence[], host: string): HostFence[] =>
  fences.flatMap((fence) => {
    if (fence.concurrency !== 1) return [];
    const names = unpacked.get(fence) ?? new Set(unpackNames(fence.names));
    unpacked.set(fence, names);
    const own = [...(names.size > 100 ? [hostLock(host)] : names)].filter(
      (name) => names.has(name) && (!name.startsWith(hostLock('')) || name === hostLock(host)),
    );
    return own.map((name) => {
      const lock = lockKey(fence.kind, name);
      return { lock, holder: `${lock}/${fence.holder}`, number: fence.number };
    });
  });

/** Name of the file in which the journal notes the numbers of a lock, but for its ending. */
export const fenceFile = (lock: string): string => createHash('sha256').update(lock).digest('hex').slice(0, 16);

/** What a host is told of the locks, as fence.sh reads it. */
export const numbersOf = (fences: readonly HostFence[]): string =>
  fences.map(({ lock, number }) => `${fenceFile(lock)} ${number}`).join(' ');

/**
 * The error of what a host has refused, as a later holder of a lock has acted there.
 * @param what was not done
 * @param said by fence.sh: file of the lock, the number it holds, and its path
 */
export function fencedOff(
  host: string,
  what: string,
  said: { lock: string; seen: string; path: string },
  fences: readonly HostFence[] = [],
): OpsError {
  const own = fences.find(({ lock }) => fenceFile(lock) === said.lock);
  return new OpsError(
    'failed',
    lockLost,
    `lost the lock ${own?.holder}: ${host} has seen its holder number ${said.seen}, this is ${own?.number}; ${what}. If etcd was set up anew, remove ${said.path} there`,
    { key: own?.holder, host },
  );
}
