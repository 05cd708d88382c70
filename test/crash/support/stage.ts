import type { WorkflowHandle } from '@temporalio/client';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Temporal } from '../../../src/cli/client.ts';
import { startRun } from '../../../src/cli/start.ts';
import type { RunContext } from '../../../src/model/run.ts';
import { startWorker, type CookbookWorker } from '../../lab/cookbook-worker.ts';
import { Lab, type LabOptions } from '../../lab/lab.ts';
import type { LabMachine } from '../../lab/machine.ts';
import { writeSumacConfig } from '../../lab/sumac-config.ts';
import { startEtcd, type TestEtcd } from '../../support/etcd.ts';
import { startTemporal, type TemporalServer } from '../../support/temporal.ts';
import { FaultPlan } from './fault-plan.ts';

/** The whole of it, real: a lab, a Temporal server on a file, etcd; workers are `cookbook worker` processes. */
export class Stage {
  readonly dir: string;
  readonly lab: Lab;
  readonly temporal: TemporalServer;
  readonly etcd: TestEtcd;
  #lanes = 0;

  private constructor(dir: string, lab: Lab, temporal: TemporalServer, etcd: TestEtcd) {
    this.dir = dir;
    this.lab = lab;
    this.temporal = temporal;
    this.etcd = etcd;
  }

  static async up(options: LabOptions): Promise<Stage> {
    const dir = mkdtempSync(join(tmpdir(), 'sumac-stage-'));
    const [lab, temporal, etcd] = await Promise.all([
      Lab.up(options),
      startTemporal({ database: join(dir, 'temporal.db') }),
      startEtcd(),
    ]);
    return new Stage(dir, lab, temporal, etcd);
  }

  /** A queue, a configuration and a state of its own; lanes can be used at the same time. */
  async lane(): Promise<Lane> {
    const name = `lane${++this.#lanes}`;
    const dir = join(this.dir, name);
    const config = writeSumacConfig(this.lab.config, {
      dir,
      temporal: { address: this.temporal.address, task_queue: name },
      etcd: this.etcd.url,
    });
    // One bundle for all lanes: building it takes longer than most of what is tested.
    const bundles = join(this.dir, 'bundles');
    mkdirSync(bundles, { recursive: true });
    mkdirSync(join(dir, 'state'));
    symlinkSync(bundles, join(dir, 'state', 'bundles'));
    return new Lane(this, dir, config);
  }

  /** What is left in etcd of the locks of one run, and of its places in queues. */
  async locksOf(run: string): Promise<string[]> {
    const left = await this.etcd.ctl('get', '--prefix', '/spicerack/');
    return left.split('\n').filter((line) => line.startsWith('{') && line.includes(run));
  }

  /** Everything ends; with KEEP_STAGE set its folder stays, for whoever has to find out what happened. */
  async down(): Promise<void> {
    await Promise.all([this.lab.down(), this.temporal.stop(), this.etcd.stop()]);
    if (!process.env.KEEP_STAGE) rmSync(this.dir, { recursive: true, force: true });
  }
}

export class Lane {
  readonly stage: Stage;
  readonly dir: string;
  readonly config: string;
  /** What goes wrong in its {@link faultyWorker}. */
  readonly faults: FaultPlan;
  constructor(stage: Stage, dir: string, config: string) {
    this.stage = stage;
    this.dir = dir;
    this.config = config;
    this.faults = new FaultPlan(join(dir, 'faults.json'));
  }

  /** Starts a worker and waits until it polls. */
  worker(): Promise<CookbookWorker> {
    return startWorker(this.config, join(this.dir, 'worker.err'));
  }

  /** Starts a worker in which what {@link faults} say goes wrong, and waits until it polls. */
  faultyWorker(): Promise<CookbookWorker> {
    const program = join(import.meta.dirname, 'faulty-worker.ts');
    const command = [process.execPath, program, this.config, this.faults.file];
    return startWorker(this.config, join(this.dir, 'worker.err'), command);
  }

  /** Starts a run as the CLI does. */
  async start(cookbook: string, argv: string[], given: Partial<RunContext> = {}): Promise<WorkflowHandle> {
    const context: RunContext = {
      user: 'alice',
      host: 'laptop',
      dryRun: false,
      noLocks: false,
      verbose: false,
      onFailure: 'rollback',
      ...given,
    };
    const temporal: Temporal = await connect({ configFile: this.config, locks: true, onFailure: 'rollback' }, context);
    const { run } = await startRun(temporal, cookbook, { argv, context });
    await temporal.connection.close();
    return this.stage.temporal.client.workflow.getHandle(run);
  }

  /** Downtimes in force, and every change of them. */
  downtimes(): { open: number; log: string[] } {
    const log = join(this.dir, 'downtimes', 'log');
    const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n').filter(Boolean) : [];
    return {
      open:
        lines.filter((line) => line.startsWith('add')).length -
        new Set(lines.filter((line) => line.startsWith('remove'))).size,
      log: lines,
    };
  }

  /** SAL lines of one run. */
  sal(run: string): string[] {
    return this.stage.lab.sal().filter((line) => line.includes(`[${run}]`));
  }

  reset(machine: LabMachine): Promise<void> {
    rmSync(join(this.dir, 'downtimes'), { recursive: true, force: true });
    rmSync(join(this.dir, 'state', 'known_hosts.d'), { recursive: true, force: true });
    return this.stage.lab.reset(machine.name);
  }
}

/** Waits for the event with this number of a run's history, or for its end. */
export async function untilEvent(temporal: TemporalServer, handle: WorkflowHandle, number: number): Promise<boolean> {
  const { workflowService } = temporal.client.connection;
  let nextPageToken: Uint8Array | undefined;
  for (;;) {
    const page = await workflowService.getWorkflowExecutionHistory({
      namespace: 'default',
      execution: { workflowId: handle.workflowId },
      waitNewEvent: true,
      ...(nextPageToken && { nextPageToken }),
    });
    const last = Number(page.history?.events?.at(-1)?.eventId ?? 0);
    if (last >= number) return true;
    nextPageToken = page.nextPageToken;
    if (nextPageToken.length === 0) return false;
  }
}

/** Asks again every 100 ms until there is an answer. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 60_000,
): Promise<T> {
  for (const end = Date.now() + withinMs; Date.now() < end;) {
    const found = await ask();
    if (found) return found;
    await sleep(100);
  }
  throw new Error(`${what}: not within ${withinMs} ms`);
}
