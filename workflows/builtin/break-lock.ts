import { getExternalWorkflowHandle, log } from '@temporalio/workflow';
import type { BrokenHolder } from '../../src/locks/break.ts';
import type { LockKind } from '../../src/model/lock-name.ts';
import { messageOf } from '../../src/model/errors.ts';
import { names } from '../../src/model/run.ts';
import { call } from '../engine/call.ts';
import { currentRun } from '../engine/run-state.ts';
import type { Spicerack } from '../spicerack/spicerack.ts';

export const title = "Takes a lock away from its holder, as told to 'cookbook locks break'";

/** The holder as the operator saw it. */
export interface BreakLockArgs extends BrokenHolder {
  owner: string;
  reason: string;
  /** To be told, when nobody keeps the lock for it. */
  run?: string;
  kind: LockKind;
  /** Of the lock, with `:SUFFIX`. */
  name: string;
}

export const runtimeDescription = ({ kind, name, owner, reason }: BreakLockArgs) =>
  `${kind}/${name} held by ${owner}: ${reason}`;

export const skipStartSal = true;

export async function run(args: BreakLockArgs, spicerack: Spicerack) {
  const { key, lease, revision, reason, kind, name } = args;
  await spicerack.step(`break the lock ${name}`, {
    write: () => call('locks.break', { key, lease, revision, reason }),
    probe: async () => {
      const { holders } = await call('locks.holders', { kind, name });
      return !holders.some((holder) => holder.key === key && holder.revision === revision);
    },
  });
  // Nobody keeps a key without a lease, and so nobody would notice.
  const { user, host } = currentRun().context;
  if (args.run !== undefined && !spicerack.dryRun)
    await tell(args.run, `lost the lock ${key}: broken by ${user}@${host} [${spicerack.run}]: ${reason}`);
}

async function tell(run: string, what: string): Promise<void> {
  try {
    await getExternalWorkflowHandle(run).signal(names.told, what);
  } catch (error) {
    log.warn(`${run} is not told: ${messageOf(error)}`);
  }
}
