import { OpsError } from '../model/errors.ts';

/** The error of a worker without etcd that is asked for what others do with locks: another one may take it. */
export const locksOff = (what: string) =>
  new OpsError('transient', 'LOCKS_OFF', `${what}, but locking is off on this worker: its configuration has no 'etcd'`);
