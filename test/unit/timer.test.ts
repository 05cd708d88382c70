import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Deadline } from '../../src/remote/command.ts';
import { after, pauseUnless } from '../../src/timer.ts';

const longest = 2 ** 31 - 1;
const ms = 2 * longest + 5000;

test('a time longer than a timer of Node takes passes in full, and can be called off', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const over: string[] = [];
    after(ms, () => over.push('long'));
    const cancel = after(ms, () => over.push('called off'));
    after(-5, () => over.push('at once'));
    const deadline = new Deadline(ms, undefined);
    const controller = new AbortController();
    const pause = pauseUnless(controller.signal, ms).then(() => over.push('pause'));
    mock.timers.tick(longest);
    mock.timers.tick(longest);
    mock.timers.tick(4000);
    assert.deepEqual([over, deadline.isUp], [['at once'], false]);
    cancel();
    mock.timers.tick(1000);
    assert.deepEqual([over, deadline.isUp], [['at once', 'long'], true]);
    controller.abort();
    await pause;
  } finally {
    mock.timers.reset();
  }
});

test('a pause ends with its signal', async () => {
  await pauseUnless(AbortSignal.timeout(1), 2 * longest);
  await pauseUnless(AbortSignal.abort(), 2 * longest);
});
