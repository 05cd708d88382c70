import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { whyNoLab } from '../lab/programs.ts';
import { setStage, leave, type Scene } from './support/good-run.ts';
import { playAll } from './support/grid.ts';
import { endOf } from './support/history.ts';
import type { Post } from './support/post.ts';
import { untilEvent } from './support/stage.ts';

const lanes = Number(process.env.CRASH_LANES ?? 4);

interface Place {
  event: number;
  what: string;
}

/**
 * Events of a good run after which its worker is killed: every activity's scheduling and end, both sides of each
 * boundary. With CRASH_EVERY_EVENT set also what lies between, the events of workflow tasks.
 */
async function placesOf(handle: WorkflowHandle): Promise<Place[]> {
  const { events } = await handle.fetchHistory();
  const scheduled = new Map(
    events?.map((event) => [Number(event.eventId), event.activityTaskScheduledEventAttributes?.activityId ?? '']),
  );
  return (events ?? []).slice(0, -1).flatMap((event) => {
    const number = Number(event.eventId);
    const end = event.activityTaskCompletedEventAttributes ?? event.activityTaskCanceledEventAttributes;
    if (scheduled.get(number)) return [{ event: number, what: `scheduled ${scheduled.get(number) ?? ''}` }];
    if (end) return [{ event: number, what: `completed ${scheduled.get(Number(end.scheduledEventId)) ?? ''}` }];
    return process.env.CRASH_EVERY_EVENT ? [{ event: number, what: `event type ${event.eventType ?? ''}` }] : [];
  });
}

/** A re-image whose worker, alive since the last one, is killed after an event; another one follows. */
async function reimaged(post: Post, killAt?: number): Promise<WorkflowHandle> {
  await post.reset();
  await post.good();
  const handle = await post.reimage();
  if (killAt !== undefined) {
    await untilEvent(post.stage.temporal, handle, killAt);
    await post.kill();
    await post.good();
  }
  const { exitCode, error } = await endOf(handle);
  assert.equal(exitCode, 0, error);
  await post.assertReimaged(handle);
  return handle;
}

suite('the crash matrix', { skip: whyNoLab() ?? false }, () => {
  let scene: Omit<Scene, 'good'>;
  before(async () => {
    scene = await setStage(lanes);
  });
  after(() => leave(scene));

  test(
    'kill -9 of the worker after every event of a re-image: the same end, every effect once',
    { timeout: 40 * 60_000 },
    async (t) => {
      const places = await placesOf(await reimaged(scene.posts[0]));
      t.diagnostic(`${places.length} places to kill at`);
      await playAll(
        t,
        scene.posts,
        places.map(({ event, what }) => ({
          name: `killed at ${event} ${what}`,
          play: async (post) => {
            await reimaged(post, event);
            return 'every effect once';
          },
        })),
      );
    },
  );
});
