import type { ICompare, IKeyValue, IRequestOp, IResponseOp } from 'etcd3';

/** A key as etcd holds it. */
export interface Entry {
  key: string;
  value: string;
  /** Lease it is bound to, `0` for none. 64 bits: a text, never a number. */
  lease: string;
  /** Revision at which it was created. */
  revision: string;
}

/** One key, or with `/` at its end every key below it. */
export const rangeOf = (key: string) =>
  key.endsWith('/')
    ? { key: Buffer.from(key), range_end: Buffer.from(`${key.slice(0, -1)}0`) }
    : { key: Buffer.from(key) };

/** No key at or below `key` was written after `revision`. */
export const unchangedSince = (key: string, revision: string): ICompare => ({
  ...rangeOf(key),
  target: 'Mod',
  result: 'Less',
  mod_revision: (BigInt(revision) + 1n).toString(),
});

/** The key is the one that was created at `revision`; 0: there is none. */
export const createdAt = (key: string, revision: string): ICompare => ({
  key: Buffer.from(key),
  target: 'Create',
  result: 'Equal',
  create_revision: revision,
});

/** The key exists and is bound to the lease. */
export const boundTo = (key: string, lease: string): ICompare => ({
  key: Buffer.from(key),
  target: 'Lease',
  result: 'Equal',
  lease,
});

export const put = (key: string, value: string, lease: string): IRequestOp => ({
  request_put: { key: Buffer.from(key), value: Buffer.from(value), lease },
});

export const remove = (key: string): IRequestOp => ({ request_delete_range: { key: Buffer.from(key) } });

/** Reads a key, or with `/` at its end what is below it, in order of creation. */
export const look = (key: string): IRequestOp => ({
  request_range: { ...rangeOf(key), sort_target: 'Create', sort_order: 'Ascend' },
});

/** What a read of a transaction found. */
export const foundIn = ({ response_range: range }: Partial<IResponseOp>): Entry[][] =>
  range ? [range.kvs.map(entryOf)] : [];

const entryOf = ({ key, value, lease, create_revision }: IKeyValue): Entry => ({
  key: key.toString(),
  value: value.toString(),
  lease,
  revision: create_revision,
});
