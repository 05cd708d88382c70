import type { Call } from '../../activities/define.ts';
import { isCancelled } from '../locks/acquire.ts';
import { confirmHeld, watchHeld } from '../locks/confirm.ts';
import type { Etcd } from '../locks/etcd.ts';
import { GivenUp, OpsError, isOpsError, lockLost } from '../model/errors.ts';

type Run = (call: Call) => Promise<unknown>;

/**
 * Does something under locks while they are known to be held.
 * @throws LockLost, LOCK_UNCONFIRMED; what `run` throws
 */
export async function underLocks(etcd: Etcd, call: Call, run: Run): Promise<unknown> {
  await confirmHeld(etcd, call.fences, call.signal);
  return run(call);
}

/**
 * The same for what takes long and may go on elsewhere from an earlier attempt: it is ended when a lock is lost, as if the
 * run had cancelled it.
 */
export async function longUnderLocks(etcd: Etcd, call: Call, run: Run): Promise<unknown> {
  const { fences, signal } = call;
  try {
    await confirmHeld(etcd, fences, signal);
  } catch (error) {
    if (call.attempt === 1) throw error;
    if (isCancelled(signal)) return run(call);
    if (!isOpsError(error) || error.code !== lockLost) throw error;
    return end(call, AbortSignal.abort(new Error('CANCELLED')), () => error, run);
  }
  const over = new AbortController();
  let loss: OpsError | undefined;
  const stop = watchHeld(etcd, fences, (error) => {
    loss = error;
    over.abort(new Error('CANCELLED'));
  });
  try {
    return await end(call, AbortSignal.any([signal, over.signal]), () => loss, run);
  } finally {
    stop();
  }
}

/** Runs it until `signal` ends it, which is told as the loss unless it could not be ended. */
async function end(call: Call, signal: AbortSignal, loss: () => OpsError | undefined, run: Run): Promise<unknown> {
  try {
    return await run({ ...call, signal });
  } catch (error) {
    throw isOpsError(error) ? error : (withResult(loss(), error) ?? error);
  }
}

/** The loss, and what had come out until then. */
const withResult = (loss: OpsError | undefined, error: unknown): OpsError | undefined =>
  loss && error instanceof GivenUp
    ? new OpsError(loss.kind, loss.code, loss.message, { ...loss.facts, result: error.result }, loss)
    : loss;
