import { ActivityFailure, TimeoutFailure, scheduleActivity, sleep, type ActivityOptions } from '@temporalio/workflow';
import type { ActivityName, InputOf, OutputOf } from '../../activities/index.ts';
import { toMs, type Duration } from '../../src/model/duration.ts';
import { isSafe, type EffectClass } from '../../src/model/effect.ts';
import { OpsError, lockUnconfirmed, unknownOutcome } from '../../src/model/errors.ts';
import { failureCode, failureText } from './failure.ts';
import { frames, type Frame } from './frame.ts';
import { currentRun } from './run-state.ts';

/** How one call of an activity differs from what its effect class says. */
export interface CallOptions {
  /** The operator's words for it; default the step's name. */
  summary?: string;
  /** Task queue of the workers of the host's site; default the run's own. */
  site?: string | undefined;
  /** Bound of one attempt. */
  timeout?: Duration;
  /** Bound of all attempts of a condition; default that of the check, else 40m. */
  within?: Duration;
  /** Longest interval of a condition; default that of the check, else 5s. */
  every?: Duration;
  /** Most attempts; default by its effect class. */
  attempts?: number;
  /** The run goes on at once when it cancels this, instead of when the activity has ended. */
  leavesBehind?: true;
  /** One of several at the same time, for all workers of the queue: the one that has the run does not keep it for itself. */
  shared?: boolean;
}

/** A worker that died is noticed after this long. */
const heartbeatTimeout = 5000;
// Attempts instead of a bound on all of them: an hour without any worker must not fail a run.
const forEver = { initialInterval: 1000, backoffCoefficient: 2, maximumInterval: 10_000 };
const patient = { ...forEver, maximumAttempts: 30 };

const policies: Record<Exclude<EffectClass, 'condition'>, ActivityOptions> = {
  read: { startToCloseTimeout: 60_000, retry: patient },
  converge: { startToCloseTimeout: 120_000, retry: patient },
  create: { startToCloseTimeout: 120_000, retry: patient },
  secret: { startToCloseTimeout: 120_000, retry: patient },
  'one-shot': { startToCloseTimeout: 120_000, retry: { maximumAttempts: 1 } },
  long: { startToCloseTimeout: 365 * 86_400_000, retry: forEver },
};

function optionsOf(effect: EffectClass, options: CallOptions, frame: Frame | undefined): ActivityOptions {
  const timeout = options.timeout === undefined ? {} : { startToCloseTimeout: toMs(options.timeout) };
  if (frame?.once) return { startToCloseTimeout: 60_000, ...timeout, retry: { maximumAttempts: 1 } };
  if (effect !== 'condition') {
    const policy = { ...policies[effect], ...timeout };
    const { attempts: maximumAttempts } = options;
    return maximumAttempts === undefined ? policy : { ...policy, retry: { ...policy.retry, maximumAttempts } };
  }
  const every = toMs(options.every ?? frame?.every ?? '5s');
  return {
    startToCloseTimeout: 60_000,
    ...timeout,
    scheduleToCloseTimeout: toMs(options.within ?? frame?.within ?? '40m'),
    // Soon at first, for what takes a second; then at its interval.
    retry: { initialInterval: Math.min(1000, every), backoffCoefficient: 1.5, maximumInterval: every },
  };
}

/**
 * Runs an activity by the rules of its effect class. Anything but a read or a condition belongs into the `write` or
 * `undo` of a step.
 * @throws EFFECT_OUTSIDE_STEP; UnknownOutcome when a one-shot's end is unclear; else what the activity threw
 */
export async function call<N extends ActivityName>(
  activity: N,
  input: InputOf<N>,
  options: CallOptions = {},
): Promise<OutputOf<N>> {
  const name: string = activity;
  const run = currentRun();
  const frame = frames.getStore();
  const effect = run.effects[name];
  if (effect === undefined) throw new OpsError('failed', 'ACTIVITY_UNKNOWN', `this worker has no activity '${name}'`);
  const mayChange = frame !== undefined && ['write', 'undo', 'engine'].includes(frame.kind);
  if (!isSafe(effect) && !mayChange)
    throw new OpsError('failed', 'EFFECT_OUTSIDE_STEP', `${name} changes something: call it in the write of a step`);
  const number = frame === undefined ? ++run.looseCalls : frame.calls++;
  const id = frame === undefined ? `${name}/${number}` : number === 0 ? frame.id : `${frame.id}/${number}`;
  const activityOptions: ActivityOptions = {
    ...optionsOf(effect, options, frame),
    heartbeatTimeout,
    cancellationType: options.leavesBehind ? 'TRY_CANCEL' : 'WAIT_CANCELLATION_COMPLETED',
    activityId: id.slice(0, 900),
    summary: summaryOf(options.summary ?? frame?.label ?? name, run.context.dryRun),
    ...(options.site === undefined ? {} : { taskQueue: options.site }),
    ...(options.shared === true && { allowEagerDispatch: false }),
  };
  return perform(name, effect, input, activityOptions);
}

const notStarted = [lockUnconfirmed, 'LOCKS_OFF'];

/** @param left how often a one-shot is asked for that its worker does not start without its lock */
async function perform<O>(
  name: string,
  effect: EffectClass,
  input: unknown,
  options: ActivityOptions,
  left = patient.maximumAttempts,
): Promise<O> {
  try {
    return await scheduleActivity<O>(name, [input], options);
  } catch (error) {
    const timeout =
      error instanceof ActivityFailure && error.cause instanceof TimeoutFailure ? error.cause.timeoutType : undefined;
    // Out of time while no worker looked: the last word is one more look, however late.
    if (effect === 'condition' && timeout === 'SCHEDULE_TO_CLOSE') {
      const lastLook = { ...options, retry: { maximumAttempts: 1 } };
      delete lastLook.scheduleToCloseTimeout;
      return await scheduleActivity<O>(name, [input], lastLook);
    }
    // It was not started: this is no second attempt.
    if (effect === 'one-shot' && notStarted.includes(failureCode(error) ?? '') && left > 1) {
      await sleep(forEver.maximumInterval, {
        summary: `then ask again whether the lock is held: ${options.summary ?? name}`,
      });
      return perform(name, effect, input, options, left - 1);
    }
    if (effect === 'one-shot' && (timeout !== undefined || failureCode(error) === 'WorkerShutdown'))
      throw new OpsError('unknown', unknownOutcome, failureText(error), {}, error);
    throw error;
  }
}

// The server refuses more than 400 bytes; the UI cuts at 120 characters.
const summaryOf = (label: string, dryRun: boolean) => `${dryRun ? '[dry-run] ' : ''}${label}`.slice(0, 120);
