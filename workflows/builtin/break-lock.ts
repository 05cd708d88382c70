import type { BrokenHolder } from '../../src/locks/break.ts';
import type { LockKind } from '../../src/model/lock-name.ts';
import { call } from '../engine/call.ts';
import type { Spicerack } from '../spicerack/spicerack.ts';

export const title = "Takes a lock away from its holder, as told to 'cookbook locks break'";

/** The holder as the operator saw it. */
export interface BreakLockArgs extends BrokenHolder {
  owner: string;
  reason: string;
  kind: LockKind;
  /** Of the lock, with `:SUFFIX`. */
  name: string;
}

export const runtimeDescription = ({ kind, name, owner, reason }: BreakLockArgs) =>
  `${kind}/${name} held by ${owner}: ${reason}`;

export const skipStartSal = true;

export async function run({ key, lease, revision, reason, kind, name }: BreakLockArgs, spicerack: Spicerack) {
  await spicerack.step(`break the lock ${name}`, {
    write: () => call('locks.break', { key, lease, revision, reason }),
    probe: async () => {
      const { holders } = await call('locks.holders', { kind, name });
      return !holders.some((holder) => holder.key === key && holder.revision === revision);
    },
  });
}
