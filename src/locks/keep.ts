import { messageOf } from '../model/errors.ts';
import { pauseUnless } from '../timer.ts';
import { brokenKey } from './break.ts';
import { firstMissing, lost } from './confirm.ts';
import type { Etcd } from './etcd.ts';
import { releasedKey } from './record.ts';
import { look } from './requests.ts';
import { within } from './within.ts';

/** A lock as {@link keep} needs to know it. */
export interface Kept {
  key: string;
  /** Keys of the locks taken together with it, under the same lease. */
  others?: readonly string[];
  lease: string;
  /** Of the lease, seconds. */
  ttl: number;
  /** When its renewal was last asked for and granted, by `now`. */
  renewedAt: number;
  /** Milliseconds by a clock that nobody sets, the same for each worker. */
  now: () => number;
}

// A new attempt may come when the lease should be over: if etcd says it is not, nothing was lost.
const firstAnswerMs = 5000;

/** Those are not watched one by one. */
const lookAtOthersMs = 5000;

/** How often a lease is renewed: every third of it, within 1 and 20 seconds. */
export const renewEveryMs = (ttlSeconds: number): number => Math.min(20, Math.max(1, ttlSeconds / 3)) * 1000;

/**
 * Renews the lease of a lock until it is released; while etcd is away, for as long as the lease may live.
 * @param renewed called after each renewal with the time at which it was asked for
 * @throws LockLost when the key or its lease is gone, or may be; the reason of `signal`
 */
export async function keep(etcd: Etcd, kept: Kept, signal: AbortSignal, renewed: (at: number) => void): Promise<void> {
  const { now } = kept;
  const { leftMs } = etcd.lifeOf(kept.lease);
  const knownUntil = Math.max(Math.min(kept.renewedAt, now()) + kept.ttl * 1000, now() + leftMs);
  let lostAt = Math.max(knownUntil, now() + firstAnswerMs);
  const leaseOver = `etcd was away for as long as its lease lives (${kept.ttl} s)`;
  let why =
    lostAt === knownUntil ? leaseOver : `etcd does not say whether it is still held (${firstAnswerMs / 1000} s)`;
  let trouble = 'no answer';
  for (;;) {
    signal.throwIfAborted();
    const askedAt = now();
    const answer = await within(lostAt - askedAt, renewOnce(etcd, kept));
    if (answer !== undefined && 'released' in answer) {
      await etcd.revoke(kept.lease).catch(() => false); // ends by itself otherwise
      return;
    }
    if (answer !== undefined && 'gone' in answer) {
      etcd.forget(kept.lease);
      throw lost(kept.key, answer.gone);
    }
    if (answer !== undefined && 'revision' in answer) {
      lostAt = askedAt + kept.ttl * 1000;
      why = leaseOver;
      renewed(askedAt);
      const restMs = Math.min(renewEveryMs(kept.ttl), kept.others ? lookAtOthersMs : Infinity);
      await etcd.changed(kept.key, answer.revision, restMs, signal).catch(() => undefined);
      continue;
    }
    trouble = answer?.error ?? trouble;
    if (now() >= lostAt) throw lost(kept.key, `${why}: ${trouble}`);
    await pauseUnless(signal, Math.min(1000, lostAt - now()));
  }
}

type Answer = { released: true } | { gone: string } | { error: string } | { revision: string };

async function renewOnce(etcd: Etcd, { key, lease, others = [] }: Kept): Promise<Answer> {
  try {
    const seconds = await etcd.renew(lease);
    const { found, revision } = await etcd.transact([], [key, releasedKey(lease), brokenKey(lease)].map(look));
    const [[held] = [], [released] = [], [broken] = []] = found;
    if (released) return { released: true };
    if (held?.lease !== lease)
      return {
        gone: broken ? `broken by ${broken.value}` : 'its key is gone from etcd: it expired, or somebody removed it',
      };
    const other = await firstMissing(
      etcd,
      others.map((one) => ({ key: one, lease })),
    );
    if (other) {
      // A release removes the first one, and then the others.
      const again = await etcd.transact([], [look(releasedKey(lease))]);
      return again.found[0]?.[0] ? { released: true } : { gone: `with ${other.key}, as ${other.why}` };
    }
    // Just after a restart etcd may not know yet of a lease whose key it has.
    return seconds > 0 ? { revision } : { error: 'etcd does not know the lease' };
  } catch (error) {
    return { error: messageOf(error) };
  }
}
