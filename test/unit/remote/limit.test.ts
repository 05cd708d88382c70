import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Limit } from '../../../src/remote/limit.ts';

test('never more than allowed at a time, and everybody has a turn, whoever gives up meanwhile', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.record({ givesUp: fc.boolean(), lowers: fc.boolean() }), { maxLength: 12 }),
      async (scheduler, most, users) => {
        const limit = new Limit(most);
        let inside = 0;
        let served = 0;
        const reason = new Error('gave up');
        const all = users.map(async ({ givesUp, lowers }, i) => {
          const controller = new AbortController();
          if (givesUp) void scheduler.schedule(Promise.resolve(), `abort ${i}`).then(() => controller.abort(reason));
          let give: () => void;
          try {
            give = await limit.take(controller.signal);
          } catch (error) {
            assert.equal(error, reason);
            return;
          }
          assert.ok(++inside <= most);
          if (lowers) limit.lower(most - 1);
          await scheduler.schedule(Promise.resolve(), `work ${i}`);
          inside--;
          served++;
          give();
          give();
        });
        await scheduler.waitFor(Promise.all(all));
        assert.equal(limit.used, 0);
        assert.ok(served >= users.filter(({ givesUp }) => !givesUp).length);
      },
    ),
  );
});

test('a place is tried for without waiting', () => {
  const limit = new Limit(1);
  const give = limit.tryTake();
  assert.ok(give);
  assert.equal(limit.tryTake(), undefined);
  give();
  assert.ok(limit.tryTake());
});
