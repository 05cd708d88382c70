import { sleep } from '@temporalio/workflow';
import { areThere, insideAgain, releaseUndone, type LockScope } from '../spicerack/lock-scope.ts';
import { failureText, isLockLost } from './failure.ts';
import { frames } from './frame.ts';
import { uncancellable } from './hold.ts';
import { currentRun } from './run-state.ts';
import type { UndoEntry } from './undo-stack.ts';

const tries = 3;

/** Undoes the given entries in their order, each with tries of its own; returns what could not be undone. */
export async function undoAll(entries: readonly UndoEntry[]): Promise<string[]> {
  const failed: string[] = [];
  const left = [...entries];
  while (left[0]) {
    const { under = [] } = left[0];
    const together = left.findIndex((entry) => !sameLocks(entry.under ?? [], under));
    const group = left.splice(0, together === -1 ? left.length : together);
    await uncancellable(async () => {
      await undoGroup(group, under, failed);
      await releaseUndone();
    });
  }
  return failed;
}

const sameLocks = (one: readonly LockScope[], other: readonly LockScope[]) =>
  one.length === other.length && one.every((scope, i) => scope === other[i]);

async function undoGroup(group: UndoEntry[], under: readonly LockScope[], failed: string[]): Promise<void> {
  const { undo } = currentRun();
  let losses = 0;
  const goOn = async () => {
    do {
      const [entry] = group;
      if (!entry) return;
      const outcome = await undoOne(entry, under);
      if (outcome === 'lock lost' && losses++ < tries) return;
      group.shift();
      undo.take(entry.step);
      if (outcome !== 'undone') failed.push(`${entry.step}: ${outcome}`);
    } while (areThere(under));
  };
  try {
    // Once more when a lock was lost, which takes it again.
    while (group.length > 0) await insideAgain(under, goOn);
  } catch (error) {
    // Without its lock nothing is undone, either.
    failed.push(...group.map(({ step }) => `${step}: ${failureText(error)}`));
    for (const { step } of group) undo.take(step);
  }
}

/** @returns `undone`, `lock lost` when it may be once the lock is taken again, else why it is not */
async function undoOne(entry: UndoEntry, under: readonly LockScope[]): Promise<string> {
  const run = currentRun();
  const name = run.uniqueName(`undo: ${entry.step}`);
  const report = run.begin(name, 'undo');
  for (let attempt = 1; ; attempt++) {
    try {
      const id = attempt === 1 ? name : `${name} ~${attempt}`;
      await frames.run({ id, label: name, kind: 'undo', calls: 0, within: '10m' }, entry.undo);
      run.end(report, 'undone');
      return 'undone';
    } catch (error) {
      const text = failureText(error);
      for (const scope of under) scope.noteRefusal(error);
      if (isLockLost(error) && !areThere(under)) {
        run.end(report, 'undo failed', text);
        return 'lock lost';
      }
      if (attempt === tries) {
        run.end(report, 'undo failed', text);
        return text;
      }
      await sleep(5000, { summary: `then undo again: ${entry.step}` });
    }
  }
}
