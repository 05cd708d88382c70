import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** Looks every 10 ms until it is so. @param most looks */
export async function waitFor(what: () => boolean, most = 3000): Promise<void> {
  for (let i = 0; !what(); i++) {
    assert.ok(i < most, 'did not come');
    await sleep(10);
  }
}
