import { call } from '../engine/call.ts';
import { inside } from '../engine/fences.ts';
import { settle, step } from '../engine/step.ts';
import { heldHere } from './lock-scope.ts';

/** Of which group a host is, and how many of it may be out of service at a time, by all runs together. */
export interface Budget {
  /** Name of the group, for example a role; no `/`. */
  group: string;
  /** From 1; the smallest of those who are at it counts. */
  max: number;
  /** Proves that the host serves again: a call of a condition, which waits for it. */
  healthy: () => Promise<unknown>;
}

/**
 * Takes a slot of the group for the host, runs `body`, and gives the slot back once the host is healthy: also when the
 * run fails, after its undo. Without that proof the slot stays taken until a person breaks the lock `custom/group:NAME`.
 * @throws InvalidLock, LOCK_UNAVAILABLE after about half an hour, LOCK_DEADLOCK; what `healthy` throws
 */
export async function outOfService<T>(
  host: string,
  { group, max, healthy }: Budget,
  body: () => Promise<T>,
): Promise<T> {
  const name = `take ${host} of ${group} out of service`;
  const slot = await step(name, {
    write: () => call('groups.takeSlot', { group, host, max, ...heldHere() }, { timeout: '365d' }),
    undo: async () => {
      if (!(await call('groups.hasSlot', { group, host }))) return;
      await healthy();
      await call('groups.giveBack', { group, host });
    },
    guaranteed: true,
  });
  const value = await (slot ? inside([{ fence: undefined, slot, underWay: 0 }], body) : body());
  // Without locks, or after a person took the slot away, too.
  await step(`${host} is healthy again`, { check: healthy, within: '40m' });
  await settle(name);
  return value;
}
