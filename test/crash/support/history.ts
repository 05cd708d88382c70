import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { activities } from '../../../activities/index.ts';
import type { EffectClass } from '../../../src/model/effect.ts';
import type { RunResult } from '../../../src/model/run.ts';
import type { Definitions } from '../../../src/worker/activities.ts';

/** An activity as a run's history names it. */
export interface Doing {
  /** The step's name, numbered when the step is repeated or has several activities. */
  id: string;
  type: string;
  effect: EffectClass;
}

/** Every activity that a run has scheduled so far, in order. */
export async function activitiesOf(handle: WorkflowHandle): Promise<Doing[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) => {
    const type = scheduled?.activityType?.name;
    const effect = (activities as Definitions)[type ?? '']?.effect;
    return type == null || effect === undefined ? [] : [{ id: scheduled?.activityId ?? '', type, effect }];
  });
}

/** Whether it changes what the run is about; locks and announcements are the engine's own. */
export const changes = ({ type, effect }: Doing): boolean =>
  effect !== 'read' && effect !== 'condition' && !/^(locks|announce)\./.test(type);

/** The step an activity belongs to. */
export const stepOf = ({ id }: Doing): string => id.replace(/\/\d+$/, '').replace(/ ~\d+$/, '');

/** Steps in the order in which a run's activities began them. */
export const stepsOf = (doings: readonly Doing[]): string[] => [...new Set(doings.map(stepOf))];

/** How a run ended: its result, of which Temporal keeps nothing when it was canceled, and how Temporal closed it. */
export interface End extends RunResult {
  closed: 'COMPLETED' | 'FAILED' | 'CANCELED';
}

/** Waits for a run's end, whatever it is. */
export async function endOf(handle: WorkflowHandle): Promise<End> {
  try {
    return { ...((await handle.result()) as RunResult), closed: 'COMPLETED' };
  } catch (error) {
    const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
    if (cause instanceof CancelledFailure) return { exitCode: 97, status: 'ERROR', closed: 'CANCELED' };
    const result = cause instanceof ApplicationFailure ? cause.details?.[0] : undefined;
    if (result === undefined) throw error;
    return { ...(result as RunResult), closed: 'FAILED' };
  }
}
