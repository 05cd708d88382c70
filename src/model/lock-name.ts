import { OpsError } from './errors.ts';
import { expand, fold } from './host-set.ts';

/** What a lock protects: a whole run, whatever a cookbook says, or what a module of the library needs (spicerack.md 2.2). */
export type LockKind = 'cookbooks' | 'custom' | 'modules';

const hostPrefix = 'host:';
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
  if (name.startsWith(hostPrefix) && !/^[\w.-]+$/.test(name.slice(hostPrefix.length)))
    throw invalid(`'${name}' is no lock of a host: its name is ${hostPrefix} and the name of one host`);
  if (kind === 'modules' && !name.startsWith('spicerack.'))
    throw invalid(`the name of a lock of kind 'modules' begins with 'spicerack.', not '${name}'`);
  if (!Number.isInteger(concurrency) || concurrency < 0)
    throw invalid(`concurrency of lock '${name}' is ${concurrency}: give a whole number, 0 for unlimited`);
  if (!Number.isFinite(ttlSeconds) || ttlSeconds <= 0)
    throw invalid(`ttl of lock '${name}' is ${ttlSeconds} s: give a length of time above 0, for example 30m`);
}

/** Name of the lock that every cookbook takes before it works on a host, if it says so. */
export const hostLock = (host: string): string => `${hostPrefix}${host}`;

/** Names of locks taken together, those of hosts folded into one, as they travel. */
export function packNames(names: readonly string[]): string[] {
  const hosts = names.filter((name) => name.startsWith(hostPrefix));
  if (hosts.length < 2) return [...names];
  const others = names.filter((name) => !name.startsWith(hostPrefix));
  return [...others, hostLock(fold(hosts.map((name) => name.slice(hostPrefix.length))))];
}

/** What {@link packNames} packed. */
export const unpackNames = (packed: readonly string[]): string[] =>
  packed.flatMap((name) =>
    name.startsWith(hostPrefix) ? expand(name.slice(hostPrefix.length)).map(hostLock) : [name],
  );

/** The order in which locks are taken that are taken together, by every run: so that no two wait for each other. */
export const inOrder = (names: Iterable<string>): string[] => [...new Set(names)].sort();

const invalid = (message: string) => new OpsError('usage', 'InvalidLock', message);
