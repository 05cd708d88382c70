import { lockKey, type LockKind } from '../model/lock-name.ts';
import type { Entry } from './requests.ts';

/** What the key of a holder or of one who waits tells: the fields of the original, and the run (spicerack.md 2.3). */
export interface LockRecord {
  concurrency: number;
  /** When the lock was taken: `2026-11-22 00:57:14.838000+00:00`. */
  created: string;
  /** `USER@HOST [RUN]`. */
  owner: string;
  /** Seconds. */
  ttl: number;
  run: string;
}

/** What the key of one who waits tells beside. */
export interface Place {
  /** Leases of the locks, and keys without one, that stay held until it has got on. */
  under?: readonly string[];
  /** Whether it waits to undo something: who goes forward gives way first. */
  undo?: boolean;
}

/** Which lock is meant, and as which holder. */
export interface LockRef {
  kind: LockKind;
  /** With `:SUFFIX`. */
  name: string;
  /** Workflow id of the run. */
  run: string;
  /** From 0; tells holders of one run apart that hold the same lock at the same time. */
  slot?: number;
  /** Tells holders of one run apart by what they hold it for: a host. */
  host?: string;
}

/** Name of the holder's key below the lock's: the run, readable, and the slot when it is not the first. */
export const holderId = ({ run, slot = 0, host }: LockRef): string =>
  `${encodeURIComponent(run)}${host === undefined ? '' : `:${host}`}${slot === 0 ? '' : `:${slot}`}`;

/** Above the keys of all holders, and of all who wait. */
export const holding = '/spicerack/locks/';
export const waiting = '/spicerack/waiting/';

/** The keys of a lock. Those who wait stand apart, so that a transaction can speak of either. */
export const keysOf = (lock: LockRef) => {
  const key = lockKey(lock.kind, lock.name);
  const queue = `${waiting}${lock.kind}/${lock.name}`;
  const id = holderId(lock);
  return { key, holders: `${key}/`, holder: `${key}/${id}`, waiters: `${queue}/`, waiter: `${queue}/${id}` };
};

/** Key of the lock that a key of a holder, or of one who waits, belongs to. */
export const lockOf = (key: string): string => key.slice(0, key.lastIndexOf('/')).replace(waiting, holding);

/** Lease of a holder that stays until somebody removes it. */
export const noLease = '0';

/** Where a release leaves word for who keeps the lock. */
export const releasedKey = (lease: string): string => `/spicerack/released/${lease}`;

/** A holder, or one who waits, as etcd knows it. */
export interface Party extends LockRecord, Place {
  key: string;
  lease: string;
  /** Revision at which the key was created: order of arrival, and fencing number of a holder. */
  revision: string;
}

/** One line, members in the order of the original. */
export const encodeRecord = (record: LockRecord, place: Place = {}): string => {
  const { concurrency, created, owner, ttl, run } = record;
  const members = Object.entries({ concurrency, created, owner, ttl, run, ...place });
  return `{${members.map(([name, value]) => `"${name}": ${JSON.stringify(value)}`).join(', ')}}`;
};

/** Reads a key strictly by what matters for exclusion: a key nobody can read still counts, as an exclusive holder. */
export function decodeParty({ key, value, lease, revision }: Entry): Party {
  let record: Partial<LockRecord & Place> | null = null;
  try {
    record = JSON.parse(value) as Partial<LockRecord & Place> | null;
  } catch {
    // written by hand: stays an exclusive holder without a name
  }
  const {
    concurrency = 1,
    created = '-',
    owner = `unreadable key ${key}`,
    ttl = 0,
    run = '',
    under,
    undo,
  } = record ?? {};
  return {
    key,
    lease,
    revision,
    concurrency: Number.isInteger(concurrency) ? concurrency : 1,
    created,
    owner,
    ttl,
    run,
    ...(Array.isArray(under) && { under: under.map(String) }),
    ...(undo === true && { undo }),
  };
}

/** `2026-11-22 00:57:14.838000+00:00`, as the original writes it. */
export const timestamp = (date = new Date()): string => date.toISOString().replace('T', ' ').replace('Z', '000+00:00');

/** A lock as the original prints it in its log lines. */
export const describe = ({ concurrency, created, owner, ttl }: LockRecord): string =>
  `{'concurrency': ${concurrency}, 'created': '${created}', 'owner': '${owner}', 'ttl': ${ttl}}`;

/** One holder in a list: `    CREATED: OWNER`. */
export const listed = (parties: readonly LockRecord[]): string =>
  parties.map(({ created, owner }) => `    ${created}: ${owner}`).join('\n');
