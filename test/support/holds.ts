import { setTimeout as sleep } from 'node:timers/promises';
import { isOpsError } from '../../src/model/errors.ts';

/** Repeats a condition as the server does, until it holds. */
export async function holds<T>(look: () => Promise<T>, seconds = 60): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      const waits = isOpsError(error) && (error.kind === 'not-yet' || error.kind === 'transient');
      if (!waits || Date.now() > end) throw error;
    }
    await sleep(200);
  }
}
