import type { WorkflowHandle } from '@temporalio/client';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { names, type Prompt, type RunContext, type RunStatusReport } from '../../../src/model/run.ts';
import { searchAttributes } from '../../../src/model/search-attributes.ts';
import type { CookbookWorker } from '../../lab/cookbook-worker.ts';
import type { LabMachine } from '../../lab/machine.ts';
import type { PlannedFault } from './fault-plan.ts';
import type { End } from './history.ts';
import { until, type Lane, type Stage } from './stage.ts';

export const reimage = 'sre.hosts.reimage';
/** Stands for the name of a post's machine in the ids of activities. */
export const anyHost = 'HOST';

/** One machine, a lane to work on it, and the worker there. */
export class Post {
  readonly stage: Stage;
  readonly lane: Lane;
  readonly machine: LabMachine;
  #worker: { kind: 'faulty' | 'good'; process: CookbookWorker } | undefined;

  constructor(stage: Stage, lane: Lane, machine: LabMachine) {
    this.stage = stage;
    this.lane = lane;
    this.machine = machine;
  }

  /** The worker, if there is one. */
  get worker(): CookbookWorker | undefined {
    return this.#worker?.process;
  }

  /** Has a faulty worker at work in which this goes wrong. */
  async faulty(...faults: PlannedFault[]): Promise<void> {
    this.lane.faults.set(faults.map(({ at, mode }) => ({ at: at.replaceAll(anyHost, this.machine.name), mode })));
    await this.#use('faulty');
  }

  /** Has a real worker at work. */
  async good(): Promise<void> {
    await this.#use('good');
  }

  async #use(kind: 'faulty' | 'good'): Promise<void> {
    if (this.#worker?.kind === kind) return;
    await this.kill();
    this.#worker = { kind, process: await (kind === 'good' ? this.lane.worker() : this.lane.faultyWorker()) };
  }

  /** kill -9 of the worker. */
  async kill(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.process.kill();
  }

  /** Waits until the worker has killed itself, as a fault demanded. */
  async dead(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.process.ended;
  }

  /** Waits until every planned fault has happened. */
  async faultsHappened(): Promise<void> {
    await until(`faults on ${this.machine.name}`, () => this.lane.faults.left.length === 0);
  }

  /** Waits until an activity has come to where it is to wait. */
  async waiting(): Promise<void> {
    await until(`an activity on ${this.machine.name} waits`, () =>
      this.lane.faults.left.some(({ mode }) => mode === 'waiting'),
    );
  }

  /** Lets the activity that waits go on. */
  release(): void {
    this.lane.faults.set([]);
  }

  reimage(more: readonly string[] = [], context: Partial<RunContext> = {}): Promise<WorkflowHandle> {
    return this.lane.start(reimage, [this.machine.name, '--os', 'trixie', '--force', ...more], context);
  }

  /** Starts a re-image in which an activity waits, once it has come there. */
  async reimageUntil(at: string, more: readonly string[] = []): Promise<WorkflowHandle> {
    await this.faulty({ at, mode: 'waits' });
    const handle = await this.reimage(more);
    await this.waiting();
    return handle;
  }

  reset(): Promise<void> {
    return this.lane.reset(this.machine);
  }

  /** The comparable state of all that a re-image changes. */
  state() {
    const { machine, lane, stage } = this;
    const keys = join(lane.dir, 'state', 'known_hosts.d');
    return {
      ...machine.snapshot(),
      powerCycles: machine.powerCycles(),
      snippets: Object.keys(stage.lab.snippets()).filter((name) => name.startsWith(`${machine.short}.`)),
      downtimes: lane.downtimes().open,
      acceptedKeys: existsSync(keys) ? readdirSync(keys).map((name) => readFileSync(join(keys, name), 'utf8')) : [],
    };
  }

  /** START and END lines of a run, as the relay got them, cut to what matters. */
  sal(handle: WorkflowHandle): string[] {
    const lines = this.lane.sal(handle.workflowId);
    return lines.map((line) =>
      line.replace(/^!log \S+ (START|END \((\w+)\) - Cookbook \S+ \(exit_code=\d+\)).*/s, '$1'),
    );
  }

  /** What a re-image has to leave, however often it was disturbed. */
  async assertReimaged(handle: WorkflowHandle, cycles = 1): Promise<void> {
    const { machine, lane, stage } = this;
    const { os, powerCycles, snippets, bootOverride, downtimes, acceptedKeys, hostKey } = this.state();
    assert.deepEqual(
      { os, powerCycles, snippets, bootOverride, downtimes },
      { os: 'trixie', powerCycles: cycles, snippets: [], bootOverride: 'none', downtimes: 0 },
    );
    assert.deepEqual(
      stage.lab
        .boots()
        .filter((boot) => boot.machine === machine.name)
        .slice(-3)
        .map(({ boot }) => boot),
      ['installer', 'disk', 'disk'],
      'one installation, one boot after it, one reboot',
    );
    // The relay takes what it was sent a moment later.
    await until('END on the SAL', () => this.sal(handle).length > 1, 5000).catch(() => undefined);
    assert.deepEqual(this.sal(handle), ['START', `END (PASS) - Cookbook ${reimage} (exit_code=0)`]);
    assert.deepEqual(
      lane.downtimes().log.map((line) => line.split(' ')[0]),
      ['add', 'remove'],
    );
    assert.ok(
      acceptedKeys.join().includes(hostKey?.split(' ')[1] ?? 'none'),
      'the accepted host key is the proven one',
    );
    assert.deepEqual(await stage.locksOf(handle.workflowId), [], 'no lock left');
  }
}

/** What has to hold of a run that was ended past the point of no return: what is guaranteed is gone, and the rest is named. */
export async function assertCleanedUp(post: Post, handle: WorkflowHandle, end: End): Promise<void> {
  // A BMC makes off and on of a cycle after it has answered.
  await until('the BMC has made the power cycle', () => post.machine.powerCycles() > 0);
  const { snippets, bootOverride, powerCycles, downtimes } = post.state();
  assert.deepEqual({ snippets, bootOverride, powerCycles }, { snippets: [], bootOverride: 'none', powerCycles: 1 });
  assert.match(
    end.error ?? '',
    downtimes === 0
      ? /; past the point of no return 'power cycle'$/
      : /; past the point of no return 'power cycle'; not undone: silence alerts$/,
  );
  assert.equal(end.notUndone, undefined);
  assert.deepEqual(await post.stage.locksOf(handle.workflowId), [], 'no lock left');
}

/** What a run says of itself. */
export const statusOf = (handle: WorkflowHandle): Promise<RunStatusReport> =>
  handle.query<RunStatusReport>(names.status);

/** What a run is at, as lists of runs show it. */
export const phaseOf = async (handle: WorkflowHandle): Promise<string | undefined> =>
  (await handle.describe()).typedSearchAttributes.get(searchAttributes.Phase);

/** Waits until a run asks a person, as lists of runs show it. */
export async function parked(handle: WorkflowHandle): Promise<Prompt> {
  await until('the run asks', async () => {
    const { status, typedSearchAttributes } = await handle.describe();
    assert.equal(status.name, 'RUNNING', 'it ended instead of asking');
    return typedSearchAttributes.get(searchAttributes.NeedsAnswer) === true;
  });
  const { prompts } = await statusOf(handle);
  const [prompt] = prompts;
  assert.ok(prompt && prompts.length === 1, 'one question');
  return prompt;
}

/** Answers a question of a run. */
export const answer = (handle: WorkflowHandle, { id }: Prompt, value: string): Promise<unknown> =>
  handle.executeUpdate(names.answer, { args: [{ value, by: 'bob', prompt: id }] });
