import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { EffectTable } from '../../src/model/effect.ts';
import type { Carry, FleetReport, Prompt, RunContext, RunStatusReport, StepReport } from '../../src/model/run.ts';
import { searchAttributes } from '../../src/model/search-attributes.ts';
import { renderDetails } from './details.ts';
import { UndoStack } from './undo-stack.ts';

const stepsKept = 200;
let current: RunState | undefined;

/** The run this workflow is. */
export function currentRun(): RunState {
  if (!current) throw new Error('no run in this workflow');
  return current;
}

/** Everything a run knows of itself; what the status query and the UI's details show. */
export class RunState {
  readonly cookbook: string;
  readonly context: RunContext;
  readonly effects: EffectTable;
  readonly undo = new UndoStack();
  readonly prompts = new Map<string, Prompt & { answer?: string; by?: string }>();
  readonly plan: string[];
  readonly locks: string[] = [];
  readonly #unverified: string[];
  readonly #told: string[];
  readonly carry: Carry;
  readonly #steps: StepReport[] = [];
  readonly #seen = new Map<string, number>();
  #omitted = 0;
  #needsAnswer = false;
  phase = 'starting';
  description = '';
  hosts: string[] = [];
  hostsFolded = '';
  looseCalls = 0;
  /** Counts what is worth looking at again. */
  changes = 0;
  nextPrompt = 1;
  nextChild = 1;
  /** Name of a write that a dry run left out without a value to go on with. */
  unforeseen: string | undefined;
  fleet: FleetReport | undefined;
  report: unknown;

  constructor(cookbook: string, context: RunContext, effects: EffectTable, carry: Carry | undefined) {
    this.cookbook = cookbook;
    this.context = context;
    this.effects = effects;
    this.carry = carry ?? { results: {}, state: {}, startedAt: Date.now() };
    this.plan = (this.carry.state['plan'] ??= []) as string[];
    this.#unverified = (this.carry.state['unverified'] ??= []) as string[];
    this.#told = (this.carry.state['told'] ??= []) as string[];
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- one run is one workflow, which is one module context
    current = this;
  }

  /** The name of a step, numbered when it was used before in this run. */
  uniqueName(name: string): string {
    const times = (this.#seen.get(name) ?? 0) + 1;
    this.#seen.set(name, times);
    return times === 1 ? name : `${name} (${times})`;
  }

  begin(name: string, kind: StepReport['kind']): StepReport {
    const report: StepReport = { name, kind, state: 'running', startedAt: Date.now() };
    this.#steps.push(report);
    if (this.#steps.length > stepsKept) {
      const oldest = this.#steps.findIndex((step) => step.state === 'done');
      if (oldest !== -1 && this.#steps.splice(oldest, 1).length > 0) this.#omitted++;
    }
    this.publish();
    return report;
  }

  end(report: StepReport, state: StepReport['state'], error?: string): void {
    report.state = state;
    report.endedAt = Date.now();
    if (error !== undefined) report.error = error;
    this.publish();
  }

  enter(phase: string): void {
    this.phase = phase;
    upsertSearchAttributes([{ key: searchAttributes.Phase, value: phase }]);
    this.publish();
  }

  /** Shows in lists whether a person is waited for; call after each change of the prompts. */
  promptsChanged(): void {
    const needed = this.prompts.size > 0;
    if (needed !== this.#needsAnswer) {
      this.#needsAnswer = needed;
      upsertSearchAttributes([{ key: searchAttributes.NeedsAnswer, value: needed }]);
    }
    this.publish();
  }

  /** @param hosts folded, whose keys are accepted although nothing vouches for them */
  noteUnverified(hosts: string | undefined): void {
    if (hosts === undefined || this.#unverified.includes(hosts)) return;
    this.#unverified.push(hosts);
    this.publish();
  }

  /** Keeps what somebody outside of the run has told it. */
  noteTold(what: string): void {
    this.#told.push(what);
    this.publish();
  }

  publish(): void {
    this.changes++;
    setCurrentDetails(renderDetails(this.status(), workflowInfo().workflowId, this.context));
  }

  status(): RunStatusReport {
    return {
      cookbook: this.cookbook,
      phase: this.phase,
      dryRun: this.context.dryRun,
      description: this.description,
      hosts: this.hosts,
      steps: this.#steps,
      stepsOmitted: this.#omitted,
      prompts: [...this.prompts.values()].map(({ id, message, choices, since }) => ({
        id,
        message,
        since,
        ...(choices && { choices }),
      })),
      locks: this.locks,
      ...(this.#unverified.length > 0 && { unverified: this.#unverified }),
      ...(this.#told.length > 0 && { told: this.#told }),
      undo: this.undo.names,
      ...(this.fleet && { fleet: this.fleet }),
    };
  }
}
