import { setTimeout as sleep } from 'node:timers/promises';
import { OpsError, lockLost, lockUnconfirmed } from '../model/errors.ts';
import { holderKeys, type Fence } from '../model/fence.ts';
import { unpackNames } from '../model/lock-name.ts';
import { pauseUnless } from '../timer.ts';
import { brokenKey } from './break.ts';
import type { Etcd } from './etcd.ts';
import { boundTo, look } from './requests.ts';
import { within } from './within.ts';

/** Word from etcd is waited for no longer than this by what is known to be held without it. */
const patienceMs = 2000;
/** What is not known to be held is asked for until then; nothing was started so far. */
const longestMs = 20_000;
/** etcd takes 128 operations a transaction; two are needed for each key. */
const keysAtATime = 60;

/**
 * Refuses an effect unless all its locks are known to be held: etcd says so, or does not answer while their leases live
 * by the last renewal that was asked for here.
 * @throws LockLost; LOCK_UNCONFIRMED when nobody can tell; the reason of `signal`
 */
export async function confirmHeld(etcd: Etcd, fences: readonly Fence[], signal: AbortSignal): Promise<void> {
  const until = performance.now() + longestMs;
  for (;;) {
    const doubt = await doubtAbout(etcd, fences);
    signal.throwIfAborted();
    if (!doubt) return;
    if (doubt.why !== undefined) throw lost(doubt.key, `${doubt.why}; this was not started`);
    if (performance.now() > until)
      throw new OpsError(
        'transient',
        lockUnconfirmed,
        `etcd does not say whether the lock ${doubt.key} is still held; this was not started`,
      );
    await pauseUnless(signal, 500);
  }
}

/**
 * Watches over locks while something goes on under them.
 * @param onLoss called once with LockLost when one of them is no longer known to be held
 * @returns ends the watch
 */
export function watchHeld(etcd: Etcd, fences: readonly Fence[], onLoss: (error: OpsError) => void): () => void {
  const ended = new AbortController();
  const { signal } = ended;
  const left = () => Math.min(...fences.map(({ lease }) => etcd.lifeOf(lease).leftMs));
  const watch = async () => {
    for (;;) {
      // Whoever keeps the lock on this worker is trusted without a question.
      await sleep(Math.min(2 ** 31 - 1, Math.max(left() / 2, Math.min(left(), 1000))), undefined, { signal });
      const doubt = await within(left(), doubtAbout(etcd, fences));
      if (signal.aborted) return;
      const [over] = fences.filter(({ lease }) => etcd.lifeOf(lease).leftMs === 0).flatMap(keysOf);
      const why = doubt?.why ?? 'etcd was away for as long as its lease lives';
      const key = doubt?.why === undefined ? over : doubt.key;
      if (key === undefined) continue;
      onLoss(lost(key, `${why}; this was ended`));
      return;
    }
  };
  watch().catch(() => undefined);
  return () => ended.abort();
}

/** A lock that is not known to be held, and why not if etcd says so. */
async function doubtAbout(
  etcd: Etcd,
  fences: readonly Fence[],
): Promise<{ key: string; why: string | undefined } | undefined> {
  const held = fences.flatMap((fence) => keysOf(fence).map((key) => ({ key, lease: fence.lease })));
  const leases = [...new Set(fences.map(({ lease }) => lease))];
  const [gone] = await Promise.all([
    firstMissing(etcd, held),
    ...leases.map((lease) => within(patienceMs, renewIfDue(etcd, lease))),
  ]);
  if (gone) etcd.forget(gone.lease);
  const unsure = held.find(({ lease }) => etcd.lifeOf(lease).leftMs === 0);
  return gone ?? (unsure && { key: unsure.key, why: undefined });
}

// Locks taken together are lost together, unless a single one is taken away: who keeps them notices that.
const keysOf = (fence: Fence): string[] =>
  holderKeys({ ...fence, names: unpackNames(fence.names).slice(0, keysAtATime) });

/** Renews a lease of which this process knows too little; who keeps it does so in time. */
async function renewIfDue(etcd: Etcd, lease: string): Promise<void> {
  const { leftMs, ttlMs } = etcd.lifeOf(lease);
  if (leftMs <= ttlMs / 2) await etcd.renew(lease).catch(() => 0);
}

/** The error of a lock that is no longer held. */
export const lost = (key: string, why: string) =>
  new OpsError('failed', lockLost, `lost the lock ${key}: ${why}`, { key });

/** A holder's key that should be bound to a lease. */
interface HeldKey {
  key: string;
  lease: string;
}

/** The first key that is gone or bound to another lease; nothing when etcd cannot tell in time. */
export async function firstMissing(etcd: Etcd, held: readonly HeldKey[]) {
  for (let at = 0; at < held.length; at += keysAtATime) {
    const gone = await missing(etcd, held.slice(at, at + keysAtATime));
    if (gone) return gone;
  }
  return undefined;
}

async function missing(etcd: Etcd, held: readonly HeldKey[]) {
  try {
    const asked = etcd.transact(
      held.map(({ key, lease }) => boundTo(key, lease)),
      [],
      [...held.map(({ key }) => look(key)), ...held.map(({ lease }) => look(brokenKey(lease)))],
    );
    const answer = await within(patienceMs, asked);
    if (!answer || answer.succeeded) return undefined;
    const at = held.findIndex(({ lease }, i) => answer.found[i]?.[0]?.lease !== lease);
    const broken = answer.found[held.length + at]?.[0];
    return {
      ...(held[at] ?? { key: '', lease: '' }),
      why: broken ? `broken by ${broken.value}` : 'its key is gone from etcd',
    };
  } catch {
    return undefined;
  }
}
