import { log } from '@temporalio/activity';
import { acquire } from '../src/locks/acquire.ts';
import { describe, keysOf, noLease, timestamp, type LockRef, type Place } from '../src/locks/record.ts';
import { abandon } from '../src/locks/release.ts';
import { readLock } from '../src/locks/view.ts';
import { OpsError } from '../src/model/errors.ts';
import { checkLock, lockKey } from '../src/model/lock-name.ts';
import { converge, read, type Call } from './define.ts';
import type { LockInput } from './lock-input.ts';
import { waitingFor } from './lock-wait.ts';

/** A host, as one of a group of which only so many may be out of service. */
interface OfGroup {
  group: string;
  host: string;
}

/** On which terms a slot is taken. */
interface SlotInput extends OfGroup, Pick<LockInput, 'waitSeconds' | keyof Place> {
  /** Hosts of the group that may be out of service at a time, from 1. */
  max: number;
}

const slotOf = ({ group, host }: OfGroup, { run }: Call): LockRef => ({
  kind: 'custom',
  name: `group:${group}`,
  run,
  host,
});

/**
 * Takes a slot of the group for a host, or finds that the run has it; waits for its turn. Nothing but a release or a person
 * gives it back: a run that ends otherwise leaves a host nobody knows the state of.
 * @returns its key; empty without locks
 */
const takeSlot = converge(async ({ max, ...input }: SlotInput, call): Promise<string> => {
  const slot = slotOf(input, call);
  checkLock(slot.kind, slot.name, max, 1);
  if (max === 0)
    throw new OpsError('usage', 'InvalidLock', `max of group '${input.group}' is 0: give a whole number from 1`);
  const { etcd } = call.deps;
  const { user, host, noLocks } = call.context;
  if (!etcd || noLocks) return '';
  const owner = `${user}@${host} [${call.run}] for ${input.host}`;
  const record = { concurrency: max, created: timestamp(), owner, ttl: 0, run: call.run };
  const waiting = { ...waitingFor(call, input.waitSeconds ?? etcd.waitSeconds, input), lease: noLease };
  const taken = await acquire(etcd, slot, record, waiting);
  log.info(`Acquired lock for key ${lockKey(slot.kind, slot.name)}: ${describe(taken)}`);
  return taken.key;
});

/** Gives the slot back, once the host has proven its health. */
const giveBack = converge(async (input: OfGroup, call): Promise<void> => {
  const { etcd } = call.deps;
  if (!etcd) return;
  const slot = slotOf(input, call);
  const held = await abandon(etcd, slot);
  if (held) log.info(`Released lock for key ${lockKey(slot.kind, slot.name)}: ${describe(held)}`);
});

/** Whether the run has a slot for the host. */
const hasSlot = read(async (input: OfGroup, call): Promise<boolean> => {
  const { etcd } = call.deps;
  if (!etcd) return false;
  const slot = slotOf(input, call);
  const { holders } = await readLock(etcd, slot);
  return holders.some(({ key }) => key === keysOf(slot).holder);
});

export const groups = {
  'groups.takeSlot': takeSlot,
  'groups.giveBack': giveBack,
  'groups.hasSlot': hasSlot,
};
