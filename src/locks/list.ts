import type { Etcd } from './etcd.ts';
import { decodeParty, holding, lockOf, waiting, type Party } from './record.ts';
import { look, type Entry } from './requests.ts';

/** A holder, or one who waits, with what its lease has left. */
export interface ListedParty extends Party {
  /** Seconds; undefined for a key that is bound to no lease and stays until somebody removes it. */
  ttlLeft: number | undefined;
}

/** A lock that somebody holds or waits for. */
export interface ListedLock {
  /** `/spicerack/locks/KIND/NAME[:SUFFIX]`. */
  key: string;
  holders: ListedParty[];
  /** In order of arrival. */
  waiters: ListedParty[];
}

/** All locks, sorted by key, as they were at one revision. @throws ETCD_UNAVAILABLE, ETCD_REFUSED */
export async function listLocks(etcd: Etcd): Promise<{ revision: string; locks: ListedLock[] }> {
  const { found, revision } = await etcd.transact([], [look(holding), look(waiting)]);
  const [holders = [], waiters = []] = await Promise.all(found.map((entries) => partiesOf(etcd, entries)));
  const keys = [...new Set([...holders, ...waiters].map(({ key }) => lockOf(key)))].sort();
  const of = (key: string, parties: ListedParty[]) => parties.filter((party) => lockOf(party.key) === key);
  return { revision, locks: keys.map((key) => ({ key, holders: of(key, holders), waiters: of(key, waiters) })) };
}

const partiesOf = (etcd: Etcd, entries: Entry[]): Promise<ListedParty[]> =>
  Promise.all(
    // A key right below a kind is no holder of anything.
    entries
      .filter(({ key }) => key.split('/').length > 5)
      .map(async (entry) => {
        const ttlLeft = entry.lease === '0' ? undefined : await etcd.timeToLive(entry.lease);
        return { ...decodeParty(entry), ttlLeft };
      }),
  );
