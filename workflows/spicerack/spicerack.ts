import { log, workflowInfo } from '@temporalio/workflow';
import { confirmOnFailure, runCookbook, type RunCookbookOptions } from '../engine/child.ts';
import { fleet, type FleetOptions } from '../engine/fleet.ts';
import { engineStep } from '../engine/life.ts';
import { ask, askConfirmation } from '../engine/prompt.ts';
import { currentRun } from '../engine/run-state.ts';
import { settle, step } from '../engine/step.ts';
import type { StepSpec } from '../engine/step-spec.ts';
import type { FleetHost } from '../../src/model/run.ts';
import { OpsError } from '../../src/model/errors.ts';

/** The accessor through which a cookbook reaches everything (Spicerack's `spicerack`). */
export class Spicerack {
  /** Whether nothing may be changed. */
  get dryRun(): boolean {
    return currentRun().context.dryRun;
  }
  get verbose(): boolean {
    return currentRun().context.verbose;
  }
  /** Login name of the operator. */
  get username(): string {
    return currentRun().context.user;
  }
  /** `user@host` of the operator. */
  get owner(): string {
    return `${currentRun().context.user}@${currentRun().context.host}`;
  }
  /** The run's id, to be written into everything the run leaves somewhere. */
  get run(): string {
    return workflowInfo().workflowId;
  }
  /** Why this run was started, as given by `--reason` and `--task`. */
  get reason(): string {
    const { reason, task } = currentRun().context;
    return [reason ?? currentRun().cookbook, task].filter(Boolean).join(' - ');
  }
  /** Log files of the cookbook; shown again by nothing after a crash. */
  readonly log = log;

  /** One named step: `read`, `check`, or `write` with its `undo` or `probe`. */
  step<T>(name: string, spec: StepSpec<T>): Promise<T> {
    return step(name, spec);
  }
  /** Runs the undo of a step now, as part of the procedure. */
  settle(stepName: string): Promise<void> {
    return settle(stepName);
  }
  /** Parks the run until a person answers `go`. @throws ABORTED on `abort` */
  askConfirmation(message: string): Promise<void> {
    return askConfirmation(message);
  }
  /** Parks the run until a person answers with one of `choices`, or with any text when there are none. */
  askInput(message: string, options: { choices?: readonly string[] } = {}): Promise<string> {
    return ask(message, options.choices);
  }
  /** Calls `body` until it succeeds, or a person says `skip` or `abort`. */
  confirmOnFailure<T>(body: () => Promise<T>): Promise<T | undefined> {
    return confirmOnFailure(body);
  }
  /** Runs another cookbook to its end and returns its exit code. */
  runCookbook(
    cookbook: string,
    argv: readonly string[] = [],
    options: RunCookbookOptions = {},
  ): Promise<number | undefined> {
    return runCookbook(cookbook, argv, options);
  }
  /** One child run per host through a sliding window. */
  fleet(hosts: readonly string[], options: FleetOptions): Promise<FleetHost[]> {
    return fleet(hosts, options);
  }
  /** What the run's result hands to whoever reads it. */
  report(value: unknown): void {
    currentRun().report = value;
  }
}
