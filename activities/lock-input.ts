import { timestamp, type LockRecord, type LockRef, type Place } from '../src/locks/record.ts';
import { inOrder, packNames, unpackNames, type LockKind } from '../src/model/lock-name.ts';
import type { Call } from './define.ts';

/** Which lock, and on which terms. */
export interface LockInput extends Place {
  kind: LockKind;
  /** With `:SUFFIX`. */
  name: string;
  /** Names of locks that are taken together with it, packed. */
  others?: readonly string[];
  /** Holders at a time; 0 is unlimited, but recorded. */
  concurrency: number;
  ttlSeconds: number;
  /** From 0; tells holders of this run apart that hold the same lock at the same time. */
  slot?: number;
  /** How long to wait for it; default as configured, about half an hour. */
  waitSeconds?: number;
}

/** A lock that is held. Without etcd, or with `--no-locks`, the texts are empty and nothing is held. */
export interface LockHeld {
  /** Key of the holder. */
  key: string;
  /** etcd's lease, 64 bits as text. */
  leaseId: string;
  /** Fencing number: a revision at which it was held, so greater than that of any holder before. */
  revision: string;
}

const refOf = ({ kind, name, slot = 0 }: Pick<LockInput, 'kind' | 'name' | 'slot'>, call: Call): LockRef => ({
  kind,
  name,
  slot,
  run: call.run,
});

export const packed = ({ name, others = [] }: Pick<LockInput, 'name' | 'others'>): string =>
  packNames(inOrder(unpackNames([name, ...others]))).join(',');

/** The locks meant, in the order in which they are taken. */
export const refsOf = (input: Pick<LockInput, 'kind' | 'name' | 'others' | 'slot'>, call: Call): LockRef[] =>
  inOrder(unpackNames([input.name, ...(input.others ?? [])])).map((name) => refOf({ ...input, name }, call));

export const recordOf = (
  { concurrency, ttlSeconds }: Pick<LockInput, 'concurrency' | 'ttlSeconds'>,
  { context, run }: Call,
): LockRecord => ({
  concurrency,
  created: timestamp(),
  owner: `${context.user}@${context.host} [${run}]`,
  ttl: Math.ceil(ttlSeconds),
  run,
});
