import type { RunContext } from '../src/model/run.ts';
import type { EffectClass } from '../src/model/effect.ts';
import type { Fence } from '../src/model/fence.ts';
import type { Deps } from '../src/worker/deps.ts';

/** What an activity knows of the call it serves. */
export interface Call {
  deps: Deps;
  /** Who and under which rules; the worker has already refused what the context forbids. */
  context: RunContext;
  /** Locks under which this takes place; the worker has already refused it when one is no longer held. */
  fences: readonly Fence[];
  /** Workflow id of the run. */
  run: string;
  cookbook: string;
  /** Same for every attempt of this activity and different for every other one: run, first execution and activity id. */
  token: string;
  /** From 1. */
  attempt: number;
  /** Milliseconds since the first attempt was asked for: by the server's clock up to this attempt, then by a steady one. */
  elapsedMs(): number;
  /** Aborted when the run is cancelled, the worker shuts down or the time is up. */
  signal: AbortSignal;
  /** Details of the last heartbeat of an earlier attempt. */
  resumed: unknown;
  /** Shows progress in the Temporal UI and keeps it for the next attempt; beats repeat by themselves. */
  heartbeat(details: unknown): void;
  /** Speaks with the run while the activity goes on; absent without a Temporal client. */
  ownRun?: {
    signal(name: string, value: unknown): Promise<void>;
    query(name: string, value: unknown): Promise<unknown>;
  };
}

/** An activity: its effect class beside what it does. */
export interface ActivityDefinition<I, O> {
  effect: EffectClass;
  /** Takes place although a lock it is under was lost. */
  anyway?: true;
  run: (input: I, call: Call) => Promise<O>;
}

type Body<I, O> = (input: I, call: Call) => Promise<O>;
const of =
  (effect: EffectClass) =>
  <I, O>(run: Body<I, O>): ActivityDefinition<I, O> => ({ effect, run });

/** What only ends or takes back what goes on: also when a lock it is under was lost. */
export const anyway = <I, O>(definition: ActivityDefinition<I, O>): ActivityDefinition<I, O> => ({
  ...definition,
  anyway: true,
});
/** Changes nothing; repeated at will and run in a dry run too. */
export const read = of('read');
/** Returns once something holds, else throws an OpsError of kind `not-yet` with the reason; the server repeats it. */
export const condition = of('condition');
/** Checks, then sets; a second execution finds it done. */
export const converge = of('converge');
/** Looks for one that carries this run's token; adopts it or creates it. */
export const create = of('create');
/** Has one attempt; an unclear end is left to the step's probe. */
export const oneShot = of('one-shot');
/** May outlive its worker; the next attempt attaches to what goes on. */
export const long = of('long');
/** Resolves and uses a secret; returns nothing of it. */
export const secret = of('secret');
