import { setTimeout as sleep } from 'node:timers/promises';
import { locks, type LockHeld, type LockInput } from '../../../activities/locks.ts';
import { Etcd } from '../../../src/locks/etcd.ts';
import { isOpsError, lockLost } from '../../../src/model/errors.ts';
import { inActivity } from '../../support/activity.ts';
import { callOf } from '../../support/call.ts';
import { steadyMs, type Event } from './history.ts';

/** etcd, with the times at which leases were asked for. */
export class TimedEtcd extends Etcd {
  readonly askedAt = new Map<string, number>();

  override async grant(ttl: number): Promise<string> {
    const at = steadyMs();
    const lease = await super.grant(ttl);
    this.askedAt.set(lease, at);
    return lease;
  }

  override renew(lease: string): Promise<number> {
    this.askedAt.set(lease, steadyMs());
    return super.renew(lease);
  }
}

/** One run that takes a lock, works under it and gives it back, on a worker that may die at any time. */
export interface Turn {
  run: string;
  lock: string;
  concurrency: number;
  ttl: number;
  /** How long the lock is held; absent: until the worker is told to end. */
  holdMs?: number;
}

/** The worker as a turn sees it. */
export interface World {
  etcd: TimedEtcd;
  note(event: Event extends infer E ? (E extends Event ? Omit<E, 't'> : never) : never): void;
  /** Does something under the lock on a machine that remembers fencing numbers. @returns whether it let us */
  effect(lock: string, fence: string): Promise<boolean>;
  work(turn: Turn): Promise<void>;
}

/** Plays a turn as Temporal would: each activity again and again until it succeeds; `before`: what an earlier worker noted. */
export async function play(world: World, turn: Turn, before: readonly Event[] = []): Promise<void> {
  const { run, lock, holdMs } = turn;
  if (before.length === 0) world.note({ what: 'asks', ...turn });
  const earlier = before.find((event) => event.what === 'got');
  const held = earlier ?? (await take(world, turn, before.length > 0));
  const end = { lost: false, over: false };
  // Who holds a lock for an instant needs no renewal, unless it was interrupted.
  const brief = holdMs !== undefined && holdMs < 1000 && before.length === 0;
  const kept = brief ? undefined : keep(world, turn, held, before, end);
  if (!before.some(({ what }) => what === 'gives')) {
    if (!end.lost) await act(world, turn, held);
    await world.work(turn);
    // Who was away for a while finds out here that others have been at work.
    await act(world, turn, held);
    world.note({ what: 'gives', run });
  }
  end.over = true;
  const input = { kind: 'custom' as const, name: lock, leaseId: held.leaseId };
  await untilDone((attempt) => perform(world, run, 'locks.release', input, { attempt }));
  await kept;
  world.note({ what: 'gone', run });
}

async function take(world: World, { run, lock, concurrency, ttl }: Turn, again: boolean): Promise<LockHeld> {
  const input: LockInput = { kind: 'custom', name: lock, concurrency, ttlSeconds: ttl };
  const held = await untilDone((attempt) =>
    perform(world, run, 'locks.acquire', input, { attempt: again ? attempt + 1 : attempt }),
  );
  world.note({ what: 'got', run, ...held, leaseFrom: world.etcd.askedAt.get(held.leaseId) ?? steadyMs() });
  return held;
}

async function keep(
  world: World,
  { run, ttl }: Turn,
  held: LockHeld,
  before: readonly Event[],
  end: { lost: boolean; over: boolean },
): Promise<void> {
  const { key, leaseId } = held;
  world.note({ what: 'keeps', run });
  const last = before.findLast((event) => event.what === 'renewed');
  const heartbeat = (details: unknown) => {
    const from = world.etcd.askedAt.get(leaseId);
    if (from !== undefined && !end.over) world.note({ what: 'renewed', run, from, details });
  };
  try {
    const input = { key, leaseId, ttlSeconds: ttl };
    await perform(world, run, 'locks.keep', input, { attempt: last ? 2 : 1, resumed: last?.details, heartbeat });
  } catch (error) {
    if (!isOpsError(error) || error.code !== lockLost) throw error;
    end.lost = true;
    if (!end.over) world.note({ what: 'lost', run, why: error.message });
  }
}

async function act(world: World, { run, lock, concurrency }: Turn, { revision }: LockHeld): Promise<void> {
  // Those who share a lock have no order.
  if (concurrency !== 1) return;
  const accepted = await world.effect(lock, revision);
  world.note({ what: 'effect', run, accepted });
}

type Name = 'locks.acquire' | 'locks.keep' | 'locks.release';
type Definition<N extends Name> = (typeof locks)[N];

/** Runs an activity; its log goes nowhere. */
const perform = <N extends Name>(
  { etcd }: World,
  run: string,
  name: N,
  input: Parameters<Definition<N>['run']>[0],
  facts: Parameters<typeof callOf>[1],
): ReturnType<Definition<N>['run']> => {
  const body = locks[name].run as (given: unknown, call: ReturnType<typeof callOf>) => Promise<unknown>;
  return inActivity(() => body(input, callOf({ etcd }, { run, elapsedMs: steadyMs, ...facts })), silent) as ReturnType<
    Definition<N>['run']
  >;
};

const nothing = () => undefined;
const silent = { log: nothing, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

/** What fails because etcd is away is tried again for ever. */
async function untilDone<T>(body: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++)
    try {
      return await body(attempt);
    } catch (error) {
      if (!isOpsError(error) || error.kind !== 'transient') throw error;
      await sleep(200);
    }
}
