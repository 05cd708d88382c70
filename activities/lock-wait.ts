import { log } from '@temporalio/activity';
import type { Waiting } from '../src/locks/acquire.ts';
import type { Place } from '../src/locks/record.ts';
import { triesWithin, tryAt } from '../src/locks/pace.ts';
import type { Call } from './define.ts';

/** Where the wait for a lock stands, as its heartbeats show it. */
interface WaitDetails {
  waitingFor: string;
  /** So far, in all attempts. */
  waitedMs: number;
  holders: string[];
  waitingBefore: number;
  /** Tries of the original that have been told of. */
  told: number;
}

/**
 * A wait of an activity: bounded over all its attempts, told of as the original does, and shown in its heartbeats.
 * @param place what its place in the queue says of it
 */
export function waitingFor(call: Call, seconds: number, { under, undo }: Place): Waiting {
  const resumed = call.resumed as Partial<WaitDetails> | undefined;
  const began = performance.now() - (resumed?.waitedMs ?? 0);
  const tries = triesWithin(seconds);
  let told = resumed?.told ?? 0;
  return {
    until: began + seconds * 1000,
    signal: call.signal,
    again: call.attempt > 1,
    place: { ...(under && { under }), ...(undo && { undo }) },
    blocked(message, holders, ahead, key) {
      const { n, pause } = tryAt((performance.now() - began) / 1000);
      if (n > told && n < tries) log.warn(`[${n}/${tries}, retrying in ${pause.toFixed(2)}s] ${message}`);
      told = Math.max(n, told);
      const details: WaitDetails = {
        waitingFor: key,
        waitedMs: performance.now() - began,
        holders: holders.map(({ created, owner }) => `${created}: ${owner}`),
        waitingBefore: ahead.length,
        told,
      };
      call.heartbeat(details);
    },
  };
}
