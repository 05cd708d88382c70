import {
  ApplicationFailure,
  CancelledFailure,
  activityInfo,
  cancellationSignal,
  heartbeat,
  Context,
} from '@temporalio/activity';
import { defaultPayloadConverter } from '@temporalio/common';
import type { ActivityInterceptors } from '@temporalio/worker';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { ActivityDefinition, Call } from '../../activities/define.ts';
import { locksOff } from '../locks/off.ts';
import { isSafe, type EffectClass, type EffectTable } from '../model/effect.ts';
import { GivenUp, OpsError, isOpsError, messageOf, unknownOutcome } from '../model/errors.ts';
import { fencesHeader, type Fence } from '../model/fence.ts';
import { contextHeader, logAttributes, type RunContext } from '../model/run.ts';
import type { Deps } from './deps.ts';
import { elapsedMs } from './elapsed.ts';
import { longUnderLocks, underLocks } from './under-locks.ts';

export type Definitions = Record<string, ActivityDefinition<never, unknown>>;

const contexts = new AsyncLocalStorage<{ context: RunContext | undefined; fences: Fence[] }>();
const beatMs = 1000;
const nobody: RunContext = { user: '-', host: '-', dryRun: true, noLocks: true, verbose: false, onFailure: 'rollback' };

/** Reads the run's context and its locks from the headers of each activity, for what it does and for what it logs. */
export const contextInterceptor = (_: Context): ActivityInterceptors => {
  let context: RunContext | undefined;
  return {
    inbound: {
      execute(input, next) {
        const payload = input.headers[contextHeader];
        context = payload && defaultPayloadConverter.fromPayload<RunContext>(payload);
        const locks = input.headers[fencesHeader];
        const fences = locks ? defaultPayloadConverter.fromPayload<Fence[]>(locks) : [];
        return contexts.run({ context, fences }, () => next(input));
      },
    },
    outbound: {
      getLogAttributes: (attributes, next) => next({ ...attributes, ...(context && logAttributes(context)) }),
    },
  };
};

/** The effect class of each activity, for the workflow bundle. */
export const effectsOf = (definitions: Definitions): EffectTable =>
  Object.fromEntries(Object.entries(definitions).map(([name, { effect }]) => [name, effect]));

/** Activities as Temporal runs them: guarded by the run's context, beating, their errors in the engine's terms. */
export function temporalActivities(
  definitions: Definitions,
  deps: Deps,
): Record<string, (input: never) => Promise<unknown>> {
  return Object.fromEntries(
    Object.entries(definitions).map(([name, definition]) => [
      name,
      (input: never) => perform(name, definition, input, deps),
    ]),
  );
}

async function perform(
  name: string,
  { effect, anyway, run }: ActivityDefinition<never, unknown>,
  input: never,
  deps: Deps,
): Promise<unknown> {
  const { context, fences } = contexts.getStore() ?? { context: undefined, fences: [] };
  refuse(name, effect, context);
  const info = activityInfo();
  let details: unknown = info.heartbeatDetails;
  const beat = () => heartbeat(details);
  const timer = setInterval(beat, beatMs);
  const signal = abortSignal();
  // Only what may take long asks for how long it has been on its way.
  const began = performance.now() - (['long', 'read'].includes(effect) ? await elapsedMs(info, Context.current()) : 0);
  const call: Call = {
    deps,
    context: context ?? nobody,
    fences,
    run: info.workflowExecution?.workflowId ?? '',
    cookbook: info.workflowType ?? '',
    token: `${info.workflowExecution?.workflowId ?? ''}/${context?.origin ?? ''}/${info.activityId}`,
    attempt: info.attempt,
    elapsedMs: () => performance.now() - began,
    signal,
    resumed: info.heartbeatDetails,
    heartbeat: (progress) => {
      details = progress;
      beat();
    },
    ...ownRun(info.workflowExecution),
  };
  try {
    if (fences.length === 0 || anyway) return await run(input, call);
    if (!deps.etcd) throw locksOff(`${name} takes place under the lock ${fences[0]?.names.join(', ') ?? ''}`);
    const guarded = effect === 'long' ? longUnderLocks : underLocks;
    return await guarded(deps.etcd, call, (under) => run(input, under));
  } catch (error) {
    throw failureOf(name, effect, error, signal);
  } finally {
    clearInterval(timer);
  }
}

/** The run that an activity belongs to, looked up when it is first spoken with. */
function ownRun(execution: { workflowId: string; runId: string } | undefined): Pick<Call, 'ownRun'> {
  if (!execution) return {};
  const context = Context.current();
  const handle = () => context.client.workflow.getHandle(execution.workflowId, execution.runId);
  return {
    ownRun: {
      signal: (name, value) => handle().signal(name, value),
      query: (name, value) => handle().query(name, value),
    },
  };
}

/** The worker is the guard: whatever a cookbook or a hand-made run asks for, this does not happen. */
function refuse(name: string, effect: EffectClass, context: RunContext | undefined): void {
  if (isSafe(effect)) return;
  if (!context)
    throw ApplicationFailure.nonRetryable(
      `${name} refused: a run that was not started with 'cookbook' may change nothing`,
      'RUN_WITHOUT_CONTEXT',
    );
  if (context.dryRun) throw ApplicationFailure.nonRetryable(`${name} refused: this is a dry run`, 'DRY_RUN');
}

/** Temporal's cancellation with its reason (CANCELLED, WORKER_SHUTDOWN, TIMED_OUT, NOT_FOUND) as the error's message. */
function abortSignal(): AbortSignal {
  const signal = cancellationSignal();
  const controller = new AbortController();
  const abort = () => controller.abort(new Error(messageOf(signal.reason)));
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return controller.signal;
}

function failureOf(name: string, effect: EffectClass, error: unknown, signal: AbortSignal): Error {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  // Only a cancellation the activity gave way to; an error of its own keeps its words.
  if (signal.aborted && !(isOpsError(error) && error.kind !== 'transient'))
    return new CancelledFailure(messageOf(signal.reason), error instanceof GivenUp ? [error.result] : []);
  const ops = isOpsError(error) ? error : wrap(name, effect, error);
  return ApplicationFailure.create({
    message: ops.message,
    type: ops.kind === 'unknown' ? unknownOutcome : ops.code,
    nonRetryable: ops.kind !== 'transient' && ops.kind !== 'not-yet',
    details: [{ kind: ops.kind, code: ops.code, ...ops.facts }],
    ...(ops.kind === 'not-yet' && { category: 'BENIGN' as const }),
  });
}

// System errors come from a world that may get better; anything else is a bug, and after a one-shot nobody knows.
function wrap(name: string, effect: EffectClass, error: unknown): OpsError {
  const { code } = error as { code?: unknown };
  const system = typeof code === 'string' && /^E[A-Z]+$/.test(code);
  const kind = effect === 'one-shot' ? 'unknown' : system ? 'transient' : 'failed';
  return new OpsError(kind, system ? code : 'BUG', `${name}: ${messageOf(error)}`, {}, error);
}
