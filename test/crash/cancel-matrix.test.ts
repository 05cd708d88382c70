import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { whyNoLab } from '../lab/programs.ts';
import type { FaultMode } from './support/fault-plan.ts';
import { leave, setScene, type Scene } from './support/good-run.ts';
import { playAll, type Case } from './support/grid.ts';
import { changes, endOf, type Doing } from './support/history.ts';
import { assertCleanedUp, parked } from './support/post.ts';

/** Ways in which an activity is under way when the run is cancelled: what changes nothing has only one. */
const waysOf = (doing: Doing): FaultMode[] =>
  changes(doing) || doing.type === 'locks.acquire' ? ['hangs before', 'hangs after'] : ['hangs before'];

suite('a re-image is cancelled at each step', { skip: whyNoLab() ?? false }, () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene(4);
  });
  after(() => leave(scene));

  test('before the power cycle: the lab is as it was', async (t) => {
    const { early, noReturn } = scene.good;
    const cases = early.flatMap((doing) => waysOf(doing).map((mode) => cancelledEarly(scene, doing, mode)));
    await playAll(t, scene.posts, [
      ...cases,
      cancelledEarly(scene, noReturn, 'hangs before'),
      cancelledWhileUndoing(scene),
    ]);
  });

  test('after it: what is guaranteed is cleaned up, and the result says what was left', async (t) => {
    const { late, noReturn } = scene.good;
    const cases = late.flatMap((doing) => waysOf(doing).map((mode) => cancelledLate(doing, mode)));
    await playAll(t, scene.posts, [
      cancelledLate(noReturn, 'hangs after'),
      ...cases,
      cancelledWhileParked(late[0] as Doing),
    ]);
  });
});

const cancelledEarly = ({ stage }: Scene, doing: Doing, mode: FaultMode): Case => ({
  name: `${doing.id} ${mode}`,
  async play(post) {
    const state = post.state();
    await post.faulty({ at: doing.id, mode });
    const handle = await post.reimage();
    await post.faultsHappened();
    await handle.cancel();
    const end = await endOf(handle);
    assert.deepEqual([end.closed, end.exitCode, end.notUndone], ['CANCELED', 97, undefined], end.error);
    assert.deepEqual(post.state(), state, 'all is as it was');
    assert.deepEqual(await stage.locksOf(handle.workflowId), [], 'no lock left');
    return 'all is as it was';
  },
});

/** Asked to stop while it undoes, it undoes to the end. */
const cancelledWhileUndoing = ({ good, stage }: Scene): Case => ({
  name: 'cancelled while it is undone, without a worker',
  async play(post) {
    const state = post.state();
    await post.faulty(
      { at: good.noReturn.id, mode: 'fails before' },
      { at: 'undo: boot from the network next', mode: 'dies before' },
    );
    const handle = await post.reimage();
    await post.dead();
    await handle.cancel();
    await post.good();
    const end = await endOf(handle);
    assert.deepEqual([end.exitCode, end.notUndone], [99, undefined], end.error);
    assert.deepEqual(post.state(), state);
    assert.deepEqual(await stage.locksOf(handle.workflowId), []);
    return 'undone to the end';
  },
});

const cancelledLate = (doing: Doing, mode: FaultMode): Case => ({
  name: `${doing.id} ${mode}`,
  async play(post) {
    await post.reset();
    await post.faulty({ at: doing.id, mode });
    const handle = await post.reimage();
    await post.faultsHappened();
    await handle.cancel();
    const end = await endOf(handle);
    assert.deepEqual([end.closed, end.exitCode], ['FAILED', 97], end.error);
    await assertCleanedUp(post, handle, end);
    return end.error ?? '';
  },
});

const cancelledWhileParked = ({ id: at }: Doing): Case => ({
  name: `${at} fails, cancelled while a person is asked`,
  async play(post) {
    await post.reset();
    await post.faulty({ at, mode: 'fails before' });
    const handle = await post.reimage();
    await parked(handle);
    await handle.cancel();
    const end = await endOf(handle);
    assert.deepEqual([end.closed, end.exitCode], ['FAILED', 97], end.error);
    await assertCleanedUp(post, handle, end);
    return end.error ?? '';
  },
});
