import { CancellationScope } from '@temporalio/workflow';
import { lostLocks } from '../spicerack/lock-scope.ts';
import { Decided, failureCode, failureText, isCancelled, isLockLost } from './failure.ts';
import { ask } from './prompt.ts';
import { currentRun } from './run-state.ts';

/** Whether a failure of this run is put before a person instead of being undone at once. */
export function holdsOnFailure(error: unknown): boolean {
  const { context, undo } = currentRun();
  if (context.dryRun || error instanceof Decided || isCancelled(error) || isLockLost(error)) return false;
  return context.onFailure === 'hold' || undo.pointOfNoReturn !== undefined;
}

/**
 * What to do about a step that failed: returns when it is to be repeated or left out, else throws on.
 * A person is asked when the run holds on failure or is past a point of no return.
 */
export async function afterFailedStep(step: string, error: unknown): Promise<'retry' | 'skip'> {
  if (failureCode(error) === 'ABORTED' || !holdsOnFailure(error)) throw error;
  const decision = await ask(`step '${step}' failed: ${failureText(error)}`, ['retry', 'skip', 'roll back', 'leave']);
  if (decision === 'retry' || decision === 'skip') return decision;
  throw new Decided(decision as 'roll back' | 'leave', error);
}

const again = 'take it again and roll back';

/** After the run has lost a lock: nothing more is started until a person says how it ends. */
async function askAboutLoss(error: unknown): Promise<'roll back' | 'leave'> {
  const answer = await ask(`${failureText(error)}; nothing more is started. See who holds it before you answer`, [
    again,
    'roll back without it',
    'leave',
  ]);
  if (answer !== again) for (const lock of lostLocks()) lock.waive();
  return answer === 'leave' ? 'leave' : 'roll back';
}

/** The same for a failure outside of any step, where nothing can be repeated. */
export async function afterFailedRun(error: unknown): Promise<'roll back' | 'leave'> {
  if (error instanceof Decided) return error.decision;
  const lost = isLockLost(error) && lostLocks().length > 0;
  if (!lost && !holdsOnFailure(error)) return 'roll back';
  try {
    if (lost) return await askAboutLoss(error);
    return (await ask(`the run failed: ${failureText(error)}`, ['roll back', 'leave'])) as 'roll back' | 'leave';
  } catch (cancelled) {
    if (isCancelled(cancelled)) return 'roll back';
    throw cancelled;
  }
}

/** After an effect whose outcome neither its activity nor its probe knows: a person says what is true. */
export async function askWhatHappened(step: string, error: unknown): Promise<'done' | 'again'> {
  const decision = await ask(`nobody knows whether '${step}' took place: ${failureText(error)}`, [
    'done',
    'again',
    'roll back',
    'leave',
  ]);
  if (decision === 'done' || decision === 'again') return decision;
  throw new Decided(decision as 'roll back' | 'leave', error);
}

/** Runs on although the run is cancelled. */
export const uncancellable = <T>(body: () => Promise<T>): Promise<T> => CancellationScope.nonCancellable(body);
