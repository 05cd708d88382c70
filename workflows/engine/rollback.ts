import { sleep } from '@temporalio/workflow';
import { failureText } from './failure.ts';
import { frames } from './frame.ts';
import { uncancellable } from './hold.ts';
import { currentRun } from './run-state.ts';
import type { UndoEntry } from './undo-stack.ts';

const tries = 3;

/** Undoes the given entries in their order, each with tries of its own; returns what could not be undone. */
export async function undoAll(entries: readonly UndoEntry[]): Promise<string[]> {
  const failed: string[] = [];
  for (const entry of entries) {
    const error = await uncancellable(() => undoOne(entry));
    currentRun().undo.take(entry.step);
    if (error !== undefined) failed.push(`${entry.step}: ${error}`);
  }
  return failed;
}

async function undoOne(entry: UndoEntry): Promise<string | undefined> {
  const run = currentRun();
  const name = run.uniqueName(`undo: ${entry.step}`);
  const report = run.begin(name, 'undo');
  for (let attempt = 1; ; attempt++) {
    try {
      const id = attempt === 1 ? name : `${name} ~${attempt}`;
      await frames.run({ id, label: name, kind: 'undo', calls: 0, within: '10m' }, entry.undo);
      run.end(report, 'undone');
      return undefined;
    } catch (error) {
      const text = failureText(error);
      if (attempt === tries) {
        run.end(report, 'undo failed', text);
        return text;
      }
      await sleep(5000, { summary: `then undo again: ${entry.step}` });
    }
  }
}
