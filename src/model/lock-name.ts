import { OpsError } from './errors.ts';

/** What a lock protects: a whole run, whatever a cookbook says, or what a module of the library needs (spicerack.md 2.2). */
export type LockKind = 'cookbooks' | 'custom' | 'modules';

const root = '/spicerack/locks';

/**
 * Key of a lock in etcd; its holders are the keys below it.
 * @param name as checked by {@link checkLock}; `:SUFFIX` included
 */
export const lockKey = (kind: LockKind, name: string): string => `${root}/${kind}/${name}`;

/**
 * Refuses what no lock can be taken with.
 * @param concurrency how many holders at a time; 0 is unlimited, but recorded
 * @param ttlSeconds lease of the lock, above 0; below two seconds etcd makes it two
 * @throws InvalidLock
 */
export function checkLock(kind: LockKind, name: string, concurrency: number, ttlSeconds: number): void {
  if (name === '') throw invalid('the name of a lock is empty: give what it protects, for example a host');
  if (name.includes('/')) throw invalid(`the name of a lock may not contain '/': '${name}'`);
  if (/\p{Cc}/u.test(name))
    throw invalid(`the name of a lock may not contain control characters: ${JSON.stringify(name)}`);
  if (kind === 'modules' && !name.startsWith('spicerack.'))
    throw invalid(`the name of a lock of kind 'modules' begins with 'spicerack.', not '${name}'`);
  if (!Number.isInteger(concurrency) || concurrency < 0)
    throw invalid(`concurrency of lock '${name}' is ${concurrency}: give a whole number, 0 for unlimited`);
  if (!Number.isFinite(ttlSeconds) || ttlSeconds <= 0)
    throw invalid(`ttl of lock '${name}' is ${ttlSeconds} s: give a length of time above 0, for example 30m`);
}

const invalid = (message: string) => new OpsError('usage', 'InvalidLock', message);
