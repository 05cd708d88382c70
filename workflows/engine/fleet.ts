import {
  CancellationScope,
  CancelledFailure,
  condition,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { toMs, type Duration } from '../../src/model/duration.ts';
import { OpsError } from '../../src/model/errors.ts';
import type { FleetHost, FleetReport, RunResult } from '../../src/model/run.ts';
import { searchAttributes } from '../../src/model/search-attributes.ts';
import { childRun } from './child.ts';
import { ContinueRequested } from './failure.ts';
import { applyTo, fleetControl } from './fleet-control.ts';
import { ask } from './prompt.ts';
import { currentRun } from './run-state.ts';

/** How a fleet run goes over its hosts. */
export interface FleetOptions {
  cookbook: string;
  /** Arguments of the child run of a host. */
  args: (host: string) => readonly string[];
  /** Hosts at a time, from 1. */
  width: number;
  /** How many go first, alone; the rest waits until they have passed. Default 0. */
  canaries?: number;
  /** How long to watch the canaries before the rest starts. */
  bake?: Duration;
  /** How many hosts may fail before no further one is started. Default 0. */
  maxFailed?: number;
  /** Between the end of one host and the start of the next in its place. */
  pauseBetween?: Duration;
}

interface FleetState {
  fleet: FleetReport;
  baked: boolean;
  /** In a dry run: which hosts have the same plan. */
  plans: Record<string, string[]>;
}

const count = (fleet: FleetReport, ...states: FleetHost['state'][]) =>
  fleet.hosts.filter(({ state }) => states.includes(state)).length;

/**
 * One child run per host through a sliding window. The list of hosts is frozen; the run continues as new before its
 * history grows too long, when no host is under way.
 * @returns each host's state, in the given order
 * @throws FLEET_FAILED when the canaries failed or more than `maxFailed` hosts did, ABORTED after the signal `abort`
 */
export async function fleet(hosts: readonly string[], options: FleetOptions): Promise<FleetHost[]> {
  const run = currentRun();
  const key = run.uniqueName(`fleet of ${options.cookbook}`);
  const carried = run.carry.state[key] as FleetState | undefined;
  const state: FleetState = carried ?? {
    fleet: {
      cookbook: options.cookbook,
      width: options.width,
      paused: false,
      mayFail: options.canaries ? 0 : (options.maxFailed ?? 0),
      ...(options.canaries && { canaries: options.canaries }),
      hosts: hosts.map((host) => ({ host, state: 'pending' })),
    },
    baked: (options.canaries ?? 0) === 0,
    plans: {},
  };
  run.carry.state[key] = state;
  run.fleet = state.fleet;
  applyTo(state.fleet);
  await CancellationScope.cancellable(() => new Window(state, options).slide());
  run.plan.push(
    ...Object.entries(state.plans).flatMap(([plan, names]) => [
      `on each of ${hosts.filter((host) => names.includes(host)).join(', ')}:`,
      ...plan.split('\n').map((line) => `  ${line}`),
    ]),
  );
  return state.fleet.hosts;
}

class Window {
  readonly #state: FleetState;
  readonly #options: FleetOptions;
  readonly #canaries: number;
  readonly #budget: number;
  readonly #scope = CancellationScope.current();
  #resting = 0;

  constructor(state: FleetState, options: FleetOptions) {
    this.#state = state;
    this.#options = options;
    this.#canaries = Math.min(options.canaries ?? 0, state.fleet.hosts.length);
    this.#budget = options.maxFailed ?? 0;
  }

  async slide(): Promise<void> {
    const { fleet } = this.#state;
    for (;;) {
      const idle = count(fleet, 'running', 'parked') === 0 && this.#resting === 0;
      if (idle && fleetControl().aborted)
        throw new OpsError('failed', 'ABORTED', this.#summary('the fleet run was aborted'));
      if (idle && this.#scope.consideredCancelled) throw new CancelledFailure('the fleet run was cancelled');
      if (idle && this.#overBudget()) await this.#budgetSpent();
      if (idle && count(fleet, 'pending') === 0) return;
      if (idle && !this.#state.baked && this.#canariesLeft() === 0) await this.#bake();
      const full = workflowInfo().continueAsNewSuggested;
      if (full && idle) throw new ContinueRequested('the history has grown');
      if (!full) this.#fill();
      if (fleetControl().aborted) this.#scope.cancel();
      await this.#change();
    }
  }

  /** Waits until a host ended, somebody steered, or it was cancelled. */
  async #change(): Promise<void> {
    const run = currentRun();
    const before = run.changes;
    const cancelled = this.#scope.consideredCancelled;
    await CancellationScope.nonCancellable(() =>
      condition(() => run.changes !== before || this.#scope.consideredCancelled !== cancelled),
    );
  }

  #canariesLeft(): number {
    return this.#state.fleet.hosts.slice(0, this.#canaries).filter(({ state }) => state === 'pending').length;
  }

  // Parked hosts count: no more hosts are started into a trouble that waits for a person.
  #overBudget(): boolean {
    const { fleet } = this.#state;
    return count(fleet, 'failed', 'parked') > fleet.mayFail;
  }

  #fill(): void {
    const { fleet, baked } = this.#state;
    if (fleet.paused || fleetControl().aborted || this.#scope.consideredCancelled || this.#overBudget()) return;
    const eligible = baked ? fleet.hosts : fleet.hosts.slice(0, this.#canaries);
    const free = Math.max(0, fleet.width - count(fleet, 'running', 'parked') - this.#resting);
    for (const host of eligible.filter(({ state }) => state === 'pending').slice(0, free)) this.#start(host);
  }

  #start(host: FleetHost): void {
    host.state = 'running';
    host.startedAt = Date.now();
    void this.#one(host);
    currentRun().publish();
  }

  async #one(host: FleetHost): Promise<void> {
    const { cookbook, args, pauseBetween } = this.#options;
    let result: RunResult;
    try {
      result = await childRun(cookbook, args(host.host), `${workflowInfo().workflowId}/${host.host}`);
    } catch {
      result = { exitCode: 97, status: 'ERROR', error: 'cancelled' };
    }
    this.#ended(host, result);
    if (!pauseBetween || count(this.#state.fleet, 'pending') === 0 || this.#scope.consideredCancelled) return;
    this.#resting++;
    try {
      await sleep(toMs(pauseBetween), { summary: `pause after ${host.host}` });
    } catch {
      // cancelled: there is no next host to wait for
    } finally {
      this.#resting--;
      currentRun().publish();
    }
  }

  #ended(host: FleetHost, result: RunResult): void {
    const { fleet } = this.#state;
    host.state = result.exitCode === 0 ? 'done' : result.exitCode === 97 ? 'cancelled' : 'failed';
    host.exitCode = result.exitCode;
    host.endedAt = Date.now();
    delete host.choices;
    if (result.exitCode === 0) delete host.error;
    else
      host.error = [result.error ?? result.status, ...(result.notUndone ?? []).map((left) => `NOT undone: ${left}`)]
        .join('; ')
        .slice(0, 500);
    if (result.plan) {
      const plan = result.plan.join('\n').replaceAll(host.host, 'HOST');
      (this.#state.plans[plan] ??= []).push(host.host);
    }
    if (host.state === 'failed')
      upsertSearchAttributes([{ key: searchAttributes.FailedHosts, value: count(fleet, 'failed') }]);
    currentRun().publish();
  }

  async #bake(): Promise<void> {
    const { bake } = this.#options;
    if (bake !== undefined && !currentRun().context.dryRun)
      await sleep(toMs(bake), { summary: 'watch the canaries before the rest starts' });
    this.#pastCanaries(0);
  }

  #pastCanaries(forgiven: number): void {
    const { fleet } = this.#state;
    this.#state.baked = true;
    fleet.mayFail = this.#budget + forgiven;
    delete fleet.canaries;
    currentRun().publish();
  }

  /** No further host may fail: a person decides when the run holds, else the fleet ends here. */
  async #budgetSpent(): Promise<void> {
    const { fleet, baked } = this.#state;
    const why = this.#summary(baked ? `more than ${this.#budget} hosts failed` : 'a canary failed');
    const pending = count(fleet, 'pending');
    if (
      pending > 0 &&
      currentRun().context.onFailure === 'hold' &&
      (await ask(why, ['continue', 'abort'])) === 'continue'
    ) {
      this.#pastCanaries(count(fleet, 'failed'));
      return;
    }
    throw new OpsError('failed', 'FLEET_FAILED', why);
  }

  #summary(why: string): string {
    const { fleet } = this.#state;
    const failed = fleet.hosts.filter(({ state }) => state === 'failed').map(({ host }) => host);
    const names = failed.slice(0, 20).join(', ') + (failed.length > 20 ? ', ...' : '');
    return `${why}: ${count(fleet, 'done')} done, ${failed.length} failed${failed.length > 0 ? ` (${names})` : ''}, ${count(fleet, 'cancelled')} cancelled, ${count(fleet, 'skipped')} skipped, ${count(fleet, 'pending')} not started`;
  }
}
