import { after } from 'node:test';
import { activities } from '../../../activities/index.ts';
import type { LockHeld, LockInput } from '../../../activities/locks.ts';
import { Etcd } from '../../../src/locks/etcd.ts';
import { LogLines, inActivity } from '../../support/activity.ts';
import { callOf } from '../../support/call.ts';
import { startEtcd, type TestEtcd } from '../../support/etcd.ts';

/** What differs between calls of an activity. */
export interface CallFacts {
  attempt?: number;
  signal?: AbortSignal;
  resumed?: unknown;
  heartbeat?: (details: unknown) => void;
}

/** A worker with a client of its own, on which a run's lock activities are executed. */
export class Actor {
  readonly etcd: Etcd;
  readonly log = new LogLines();

  constructor(server: Pick<TestEtcd, 'url'>, kind = Etcd) {
    this.etcd = new kind({ hosts: [server.url] });
  }

  acquire(run: string, input: Partial<LockInput> = {}, facts: CallFacts = {}): Promise<LockHeld> {
    const lock: LockInput = { kind: 'custom', name: 'x', concurrency: 1, ttlSeconds: 60, ...input };
    return inActivity(() => activities['locks.acquire'].run(lock, this.#call(run, facts)), this.log);
  }

  keep(run: string, held: LockHeld, ttlSeconds: number, facts: CallFacts = {}): Promise<void> {
    const lock = { key: held.key, leaseId: held.leaseId, ttlSeconds };
    return inActivity(() => activities['locks.keep'].run(lock, this.#call(run, facts)), this.log);
  }

  /** Keeps locks that were taken together. */
  keepAll(run: string, names: readonly string[], held: LockHeld, facts: CallFacts = {}): Promise<void> {
    const fence = { kind: 'custom' as const, names, holder: run, lease: held.leaseId, number: held.revision };
    const lock = { key: held.key, leaseId: held.leaseId, ttlSeconds: 60, fence: { ...fence, concurrency: 1 } };
    return inActivity(() => activities['locks.keep'].run(lock, this.#call(run, facts)), this.log);
  }

  release(run: string, held?: LockHeld, name = 'x', others: readonly string[] = []): Promise<{ released: boolean }> {
    const lock = { kind: 'custom' as const, name, others, ...(held && { leaseId: held.leaseId }) };
    return inActivity(() => activities['locks.release'].run(lock, this.#call(run, {})), this.log);
  }

  look(name = 'x', concurrency = 1) {
    return activities['locks.holders'].run({ kind: 'custom', name, concurrency }, this.#call('looker', {}));
  }

  #call(run: string, facts: CallFacts) {
    return callOf({ etcd: this.etcd }, { run, ...facts });
  }
}

/** A signal that ends an activity as Temporal does when the run is cancelled. */
export function cancellation(): { signal: AbortSignal; cancel: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, cancel: () => controller.abort(new Error('CANCELLED')) };
}

/** An etcd for the tests of a file, and a worker of it; both end with them. */
export async function etcdForTests(): Promise<{ server: TestEtcd; worker: Actor }> {
  const server = await startEtcd();
  const worker = new Actor(server);
  after(async () => {
    await worker.etcd.close();
    await server.stop();
  });
  return { server, worker };
}
