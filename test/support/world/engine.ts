import { WorkflowClient, WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, defaultPayloadConverter } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Config } from '../../../src/config/schema.ts';
import {
  contextHeader,
  names,
  type RunContext,
  type RunInput,
  type RunResult,
  type RunStatusReport,
} from '../../../src/model/run.ts';
import { effectsOf } from '../../../src/worker/activities.ts';
import { workflowBundle, type Bundle } from '../../../src/worker/bundle.ts';
import type { Deps } from '../../../src/worker/deps.ts';
import { workerOptions } from '../../../src/worker/main.ts';
import { startTemporal, type TemporalServer } from '../temporal.ts';
import { world } from './activities.ts';

Runtime.install({ logger: new DefaultLogger('ERROR') });

export const operator: RunContext = {
  user: 'alice',
  host: 'laptop',
  dryRun: false,
  noLocks: true,
  verbose: false,
  onFailure: 'rollback',
};

/** A Temporal server, the real engine and the test world, for one test file. */
export class Engine {
  readonly dir: string;
  readonly temporal: TemporalServer;
  readonly bundle: Bundle;
  readonly #config: Config;
  readonly #connection: NativeConnection;
  #count = 0;

  private constructor(
    dir: string,
    temporal: TemporalServer,
    bundle: Bundle,
    config: Config,
    connection: NativeConnection,
  ) {
    this.dir = dir;
    this.temporal = temporal;
    this.bundle = bundle;
    this.#config = config;
    this.#connection = connection;
  }

  static async start(options: Parameters<typeof startTemporal>[0] = {}): Promise<Engine> {
    const dir = mkdtempSync(join(tmpdir(), 'sumac-engine-'));
    const config = Config.parse({
      cookbooks_base_dirs: [join(import.meta.dirname)],
      logs_base_dir: join(dir, 'logs'),
      state_dir: join(dir, 'state'),
      temporal: {},
    });
    const [temporal, bundle] = await Promise.all([
      startTemporal(options),
      workflowBundle(config, effectsOf(world(dir))),
    ]);
    return new Engine(dir, temporal, bundle, config, await NativeConnection.connect({ address: temporal.address }));
  }

  async stop(): Promise<void> {
    await this.#connection.close();
    await this.temporal.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** A queue and a world of its own without a worker. */
  scene(): Scene {
    const queue = `q${++this.#count}`;
    return new Scene(this.temporal, queue, mkdtempSync(join(this.dir, `${queue}-`)));
  }

  /** Starts a worker process for a scene and waits until it polls. */
  async worker(scene: Scene): Promise<WorkerProcess> {
    const child = fork(
      join(import.meta.dirname, 'worker-main.ts'),
      [this.temporal.address, scene.queue, this.bundle.codePath, scene.dir],
      // V8 would let garbage gather as long as there is room; so its memory shows what lives.
      { execArgv: ['--heap-growing-percent=10'] },
    );
    const guard = () => child.kill('SIGKILL');
    process.once('exit', guard);
    const ended = once(child, 'exit').then(([code, signal]: unknown[]) => {
      process.off('exit', guard);
      return code ?? signal;
    });
    await once(child, 'message');
    return {
      ended,
      memory: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024,
      kill: () => {
        child.kill('SIGKILL');
        return ended;
      },
    };
  }

  /** Runs `body` beside a worker on a queue and in a world of its own. */
  async withWorker<T>(body: (scene: Scene) => Promise<T>): Promise<T> {
    const scene = this.scene();
    const worker = await Worker.create({
      ...workerOptions(world(scene.dir), { config: this.#config } as Deps),
      shutdownGraceTime: '100ms',
      connection: this.#connection,
      taskQueue: scene.queue,
      workflowBundle: { codePath: this.bundle.codePath },
    });
    return worker.runUntil(body(scene));
  }
}

/** A worker of the test world in a process of its own. */
export interface WorkerProcess {
  /** Resident memory, MiB. */
  memory(): number;
  /** Resolves with the signal or code it ended with. */
  ended: Promise<unknown>;
  kill(): Promise<unknown>;
}

/** One test's queue and world. */
export class Scene {
  readonly temporal: TemporalServer;
  readonly queue: string;
  readonly dir: string;
  constructor(temporal: TemporalServer, queue: string, dir: string) {
    this.temporal = temporal;
    this.queue = queue;
    this.dir = dir;
  }

  /** What was done, in order; announcements apart. */
  get effects(): string[] {
    return this.#lines.filter((line) => !line.startsWith('SAL '));
  }
  get announced(): string[] {
    return this.#lines.filter((line) => line.startsWith('SAL ')).map((line) => line.slice(4));
  }
  get #lines(): string[] {
    const file = join(this.dir, 'effects');
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  }

  script(what: Record<string, string>): void {
    writeFileSync(join(this.dir, 'script.json'), JSON.stringify(what));
  }
  hold(name: string): void {
    writeFileSync(join(this.dir, name), '');
  }

  async start(
    cookbook: string,
    args: Record<string, unknown>,
    context: Partial<RunContext> = {},
  ): Promise<WorkflowHandle> {
    const header = { [contextHeader]: defaultPayloadConverter.toPayload({ ...operator, ...context }) };
    const client = new WorkflowClient({
      connection: this.temporal.client.connection,
      interceptors: [
        { startWithDetails: (given, next) => next({ ...given, headers: { ...given.headers, ...header } }) },
      ],
    });
    const input: RunInput = { argv: [], args };
    return client.start(cookbook, { taskQueue: this.queue, workflowId: `${cookbook}/${this.queue}`, args: [input] });
  }

  /** Runs a cookbook to its end. */
  async run(cookbook: string, args: Record<string, unknown> = {}, context?: Partial<RunContext>): Promise<RunResult> {
    return resultOf(await this.start(cookbook, args, context));
  }

  /** Waits until the run asks, and answers. */
  async answer(handle: WorkflowHandle, value: string): Promise<string> {
    const prompt = await this.until(async () => (await handle.query<RunStatusReport>(names.status)).prompts[0]);
    await handle.executeUpdate(names.answer, { args: [{ value, by: 'bob', prompt: prompt.id }] });
    return prompt.message;
  }

  /** Asks again until there is an answer. */
  async until<T>(ask: () => Promise<T | undefined | false> | T | undefined | false, withinMs = 15_000): Promise<T> {
    for (const end = Date.now() + withinMs; Date.now() < end;) {
      const found = await ask();
      if (found) return found;
      await sleep(50);
    }
    throw new Error(`it did not happen within ${withinMs} ms`);
  }
}

export async function resultOf(handle: WorkflowHandle): Promise<RunResult> {
  try {
    return (await handle.result()) as RunResult;
  } catch (error) {
    const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
    if (cause instanceof ApplicationFailure && cause.details?.[0]) return cause.details[0] as RunResult;
    if (cause?.name === 'CancelledFailure') return { exitCode: 97, status: 'ERROR', error: cause.message };
    throw error;
  }
}
