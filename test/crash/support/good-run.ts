import assert from 'node:assert/strict';
import { activitiesOf, endOf, type Doing } from './history.ts';
import { anyHost, Post } from './post.ts';
import { Stage } from './stage.ts';

/** What a good re-image does; not its announcements, and not the keeping and release of its locks, which delay nothing. */
export interface GoodRun {
  /** While everything can be undone. */
  early: Doing[];
  /** Its first one-shot, the power cycle: the point of no return. */
  noReturn: Doing;
  late: Doing[];
}

/** A stage with a post at each of its machines, and the good run whose steps are to go wrong. */
export interface Scene {
  stage: Stage;
  posts: [Post, ...Post[]];
  good: GoodRun;
}

/** Brings a stage up, with a post at each machine. */
export async function setStage(machines: number): Promise<Omit<Scene, 'good'>> {
  const stage = await Stage.up({ machines, installSeconds: 1 });
  const [first, ...others] = await Promise.all(
    stage.lab.machines.map(async (machine) => new Post(stage, await stage.lane(), machine)),
  );
  assert.ok(first);
  return { stage, posts: [first, ...others] };
}

/** Brings a stage up and makes the good run. */
export async function setScene(machines: number): Promise<Scene> {
  const { stage, posts } = await setStage(machines);
  try {
    return { stage, posts, good: await makeGoodRun(posts[0]) };
  } catch (error) {
    await leave({ stage, posts });
    throw error;
  }
}

async function makeGoodRun(post: Post): Promise<GoodRun> {
  await post.good();
  const handle = await post.reimage();
  const { exitCode, error } = await endOf(handle);
  assert.equal(exitCode, 0, error);
  await post.assertReimaged(handle);
  await post.reset();
  const doings = (await activitiesOf(handle))
    .filter(({ type }) => !/^announce\.|^locks\.(keep|release)$/.test(type))
    .map((doing) => ({ ...doing, id: doing.id.replaceAll(post.machine.name, anyHost) }));
  const at = doings.findIndex(({ effect }) => effect === 'one-shot');
  const noReturn = doings[at];
  assert.ok(noReturn);
  return { early: doings.slice(0, at), noReturn, late: doings.slice(at + 1) };
}

/** Ends what {@link setScene} began. */
export async function leave({ stage, posts }: Pick<Scene, 'stage' | 'posts'>): Promise<void> {
  await Promise.all(posts.map((post) => post.kill()));
  await stage.down();
}
