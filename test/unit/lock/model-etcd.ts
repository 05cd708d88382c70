import type { ICompare, IRequestOp } from 'etcd3';
import type { Etcd, Outcome } from '../../../src/locks/etcd.ts';
import type { Entry } from '../../../src/locks/requests.ts';

/** Lets a test decide when a request takes place and when its answer comes back. */
export type Gate = (what: string) => Promise<void>;

const inRange = (key: string, from: Buffer | undefined, end: Buffer | undefined) =>
  end === undefined ? key === from?.toString() : key >= (from?.toString() ?? '') && key < end.toString();

/** A model of etcd's key space, for tests that go through the interleavings of requests one by one. */
export class ModelEtcd {
  readonly entries = new Map<string, Entry & { mod: number }>();
  readonly leases = new Set<string>();
  readonly #watchers = new Set<() => void>();
  /** Called after each change. */
  onChange: () => void = () => undefined;
  #revision = 1;
  #nextLease = 1;

  /** Ends a lease, as etcd does when it is revoked or its time is over. */
  expire(lease: string): boolean {
    const known = this.leases.delete(lease);
    const keys = [...this.entries.values()].filter((entry) => entry.lease === lease).map(({ key }) => key);
    if (keys.length > 0) this.#change(() => keys.forEach((key) => this.entries.delete(key)));
    return known;
  }

  /** The store as one client sees it; each request and each answer passes the gate. */
  client(gate: Gate): Etcd {
    const asked = async <T>(what: string, effect: () => T): Promise<T> => {
      await gate(what);
      const answer = effect();
      await gate(`answer to ${what}`);
      return answer;
    };
    const client: Pick<Etcd, 'transact' | 'grant' | 'revoke' | 'renew' | 'lifeOf' | 'changed'> = {
      transact: (compare, success, failure) => asked('transact', () => this.#transact(compare, success, failure ?? [])),
      grant: () =>
        asked('grant', () => {
          const lease = String(this.#nextLease++);
          this.leases.add(lease);
          return lease;
        }),
      revoke: (lease) => asked('revoke', () => this.expire(lease)),
      renew: (lease) => asked('renew', () => (this.leases.has(lease) ? 15 : 0)),
      lifeOf: (lease) => ({ leftMs: this.leases.has(lease) ? 15_000 : 0, ttlMs: 15_000 }),
      changed: async (key, revision) => {
        await gate('watch');
        if (this.#changedSince(key, Number(revision))) return;
        await new Promise<void>((resolve) => {
          const look = () => {
            if (!this.#changedSince(key, Number(revision))) return;
            this.#watchers.delete(look);
            resolve();
          };
          this.#watchers.add(look);
        });
        await gate('event');
      },
    };
    return client as Etcd;
  }

  readonly #log: { revision: number; key: string }[] = [];

  #changedSince(key: string, revision: number): boolean {
    return this.#log.some(
      (event) => event.revision > revision && (key.endsWith('/') ? event.key.startsWith(key) : event.key === key),
    );
  }

  #change(body: () => void): void {
    const before = new Map(this.entries);
    this.#revision++;
    body();
    for (const key of new Set([...before.keys(), ...this.entries.keys()]))
      if (before.get(key) !== this.entries.get(key)) this.#log.push({ revision: this.#revision, key });
    this.onChange();
    for (const look of [...this.#watchers]) look();
  }

  #transact(compare: ICompare[], success: IRequestOp[], failure: IRequestOp[]): Outcome {
    const succeeded = compare.every((one) => this.#holds(one));
    const found: Entry[][] = [];
    const ops = succeeded ? success : failure;
    const apply = () => ops.forEach((op) => this.#apply(op, found));
    if (ops.some((op) => op.request_put ?? op.request_delete_range)) this.#change(apply);
    else apply();
    return { succeeded, revision: String(this.#revision), found };
  }

  #holds({ key, range_end, target, create_revision, mod_revision, lease }: ICompare): boolean {
    const matching = [...this.entries.values()].filter((entry) => inRange(entry.key, key, range_end));
    if (target === 'Create') return (matching[0]?.revision ?? '0') === create_revision;
    if (target === 'Lease') return matching[0]?.lease === lease;
    return matching.every(({ mod }) => mod < Number(mod_revision));
  }

  #apply(op: IRequestOp, found: Entry[][]): void {
    const { request_put: put, request_delete_range: remove, request_range: range } = op;
    if (put) {
      const key = put.key?.toString() ?? '';
      const revision = this.entries.get(key)?.revision ?? String(this.#revision);
      this.entries.set(key, {
        key,
        value: put.value?.toString() ?? '',
        lease: String(put.lease),
        revision,
        mod: this.#revision,
      });
    }
    if (remove) this.entries.delete(remove.key?.toString() ?? '');
    if (range)
      found.push(
        [...this.entries.values()]
          .filter((entry) => inRange(entry.key, range.key, range.range_end))
          .sort((a, b) => Number(a.revision) - Number(b.revision)),
      );
  }
}
