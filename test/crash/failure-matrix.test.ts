import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { whyNoLab } from '../lab/programs.ts';
import type { FaultMode } from './support/fault-plan.ts';
import { leave, setScene, type Scene } from './support/good-run.ts';
import { playAll, type Case } from './support/grid.ts';
import { activitiesOf, changes, endOf, stepOf, stepsOf, type Doing } from './support/history.ts';
import { answer, assertCleanedUp, parked, statusOf, type Post } from './support/post.ts';

const choices = ['retry', 'skip', 'roll back', 'leave'];

suite('each step of a re-image fails in turn', { skip: whyNoLab() ?? false }, () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene(4);
  });
  after(() => leave(scene));

  test('before the power cycle: everything is undone, in reverse order', async (t) => {
    const { good, posts } = scene;
    const modes: FaultMode[] = ['fails before', 'fails after'];
    const cases = good.early.flatMap((doing) => modes.map((mode) => undone(scene, doing, mode)));
    await playAll(t, posts, [...cases, undone(scene, good.noReturn, 'fails before')]);
  });

  test('kill -9 of the worker before and after each undo: the next one completes it', async (t) => {
    const { good, posts } = scene;
    const [post] = posts;
    await post.faulty({ at: good.noReturn.id, mode: 'fails before' });
    const handle = await post.reimage();
    await endOf(handle);
    const undos = (await activitiesOf(handle)).filter(({ id }) => id.startsWith('undo: ')).map(({ id }) => id);
    assert.equal(undos.length, 3);
    await playAll(t, posts, [
      killedWhileUndoing(scene, undos, 'dies before'),
      killedWhileUndoing(scene, undos, 'dies after'),
    ]);
  });

  test('an undo that fails for good is named, the others are done, and the run ends with 93', async () => {
    const { good, posts, stage } = scene;
    const [post] = posts;
    const state = post.state();
    const step = 'boot from the network next';
    const tries = ['', ' ~2', ' ~3'].map((n) => ({ at: `undo: ${step}${n}`, mode: 'fails before' as const }));
    await post.faulty({ at: good.noReturn.id, mode: 'fails before' }, ...tries);
    const handle = await post.reimage();
    const end = await endOf(handle);
    assert.deepEqual([end.exitCode, end.notUndone?.length], [93, 1]);
    assert.match(end.notUndone?.[0] ?? '', /^boot from the network next: .*fault/);
    assert.deepEqual(post.state(), { ...state, bootOverride: 'pxe' });
    assert.deepEqual(await stage.locksOf(handle.workflowId), []);
    await post.reset();
  });

  test('after it: the run asks, and goes on with a retry, with one power cycle in all', async (t) => {
    const { good, posts } = scene;
    const oneShots = [good.noReturn, ...good.late.filter(({ effect }) => effect === 'one-shot')];
    const modes = ['answer lost', 'order lost', 'dies after', 'dies before'] as const;
    const next = good.late[0] as Doing;
    await playAll(t, posts, [
      ...oneShots.flatMap((doing) => modes.map((mode) => unclear(doing, mode))),
      ...good.late.map(retried),
      ...(['roll back', 'leave'] as const).map((decision) => answered(next, decision)),
    ]);
  });
});

/** Fails once in this way while there is a way back: nothing is left of the run. */
const undone = ({ good, stage }: Scene, doing: Doing, mode: FaultMode): Case => ({
  name: `${doing.id} ${mode}`,
  async play(post) {
    const state = post.state();
    await post.faulty({ at: doing.id, mode });
    const handle = await post.reimage();
    const end = await endOf(handle);
    const at = [...good.early, good.noReturn].indexOf(doing);
    const started = at > good.early.findIndex(({ id }) => id.startsWith('lock host:'));
    const notStarted = { 'cookbook.arguments': 96, 'locks.acquire': 1 }[doing.type] ?? 94;
    assert.deepEqual([end.closed, end.exitCode], ['FAILED', started ? 99 : notStarted], end.error);
    assert.match(end.error ?? '', /fault at/);
    assert.deepEqual(end.notUndone, undefined);
    assert.deepEqual(post.state(), state, 'all is as it was');
    assert.deepEqual(await stage.locksOf(handle.workflowId), [], 'no lock left');
    assert.deepEqual(
      post.sal(handle),
      started ? ['START', 'END (FAIL) - Cookbook sre.hosts.reimage (exit_code=99)'] : [],
    );
    const doings = await activitiesOf(handle);
    const undos = stepsOf(doings.filter(({ id }) => id.startsWith('undo: '))).map((name) => name.slice(6));
    const { steps } = await statusOf(handle);
    const writes = steps.filter(({ kind, name }) => kind === 'write' && name !== stepOf(good.noReturn));
    assert.deepEqual(undos, writes.map(({ name }) => name).reverse(), 'undone in reverse order');
    const effects = stepsOf(doings.filter((one) => changes(one) && !one.id.startsWith('undo: ')));
    assert.deepEqual(
      effects.filter((name) => name !== stepOf(good.noReturn) && !undos.includes(name)),
      [],
      'no effect without its undo',
    );
    return undos.length === 0 ? 'nothing to undo' : `undone: ${undos.join(', ')}`;
  },
});

/** Its worker kills itself at every undo in turn, and another one takes over. */
const killedWhileUndoing = ({ good, stage }: Scene, undos: string[], mode: FaultMode): Case => ({
  name: `every undo ${mode}`,
  async play(post) {
    const state = post.state();
    await post.faulty({ at: good.noReturn.id, mode: 'fails before' }, ...undos.map((at) => ({ at, mode })));
    const handle = await post.reimage();
    for (let left = undos.length; left > 0; left--) {
      await post.dead();
      assert.equal(post.lane.faults.left.length, left - 1);
      await (left > 1 ? post.faulty(...post.lane.faults.left) : post.good());
    }
    const end = await endOf(handle);
    assert.deepEqual([end.exitCode, end.notUndone], [99, undefined], end.error);
    assert.deepEqual(post.state(), state);
    assert.deepEqual(await stage.locksOf(handle.workflowId), []);
    return `${undos.length} workers killed`;
  },
});

/** Fails twice when there is no way back: the run asks each time, and passes under a worker without faults. */
function retried(doing: Doing): Case {
  const again = doing.id.replace(stepOf(doing), `${stepOf(doing)} ~2`);
  // The locks of a repeated step have names of their own; a one-shot that was done cannot say that it failed.
  const twice = !doing.type.startsWith('locks.') && doing.effect !== 'one-shot';
  return {
    name: `${doing.id} fails before${twice ? ', then after' : ''}`,
    async play(post) {
      await post.reset();
      await post.faulty(
        { at: doing.id, mode: 'fails before' },
        ...(twice ? [{ at: again, mode: 'fails after' as const }] : []),
      );
      const handle = await post.reimage();
      for (const last of twice ? [false, true] : [true]) {
        const prompt = await parked(handle);
        assert.deepEqual(prompt.choices, choices);
        assert.match(prompt.message, /^step '.*' failed: .*fault at/);
        if (last) await post.good();
        await answer(handle, prompt, 'retry');
      }
      const end = await endOf(handle);
      assert.equal(end.exitCode, 0, end.error);
      await post.assertReimaged(handle);
      return `retried, passed`;
    },
  };
}

/** Nobody was told whether the one-shot took place: its probe is asked, and it is done once in all. */
const unclear = (doing: Doing, mode: 'answer lost' | 'order lost' | 'dies after' | 'dies before'): Case => ({
  name: `${doing.id} ${mode}`,
  async play(post) {
    await post.reset();
    await post.faulty({ at: doing.id, mode });
    const handle = await post.reimage();
    if (mode.startsWith('dies')) {
      await post.dead();
      await post.good();
    }
    const end = await endOf(handle);
    assert.equal(end.exitCode, 0, end.error);
    await post.assertReimaged(handle);
    const ids = (await activitiesOf(handle)).map(({ id }) => id);
    assert.ok(
      ids.some((id) => id.startsWith(`probe: ${stepOf(doing)}`)),
      'its probe was asked',
    );
    const repeated = ids.some((id) => id.startsWith(`${stepOf(doing)} ~2`));
    assert.equal(repeated, mode === 'order lost' || mode === 'dies before', 'done again if it had not happened');
    return `its probe was asked, ${repeated ? 'done again' : 'not repeated'}, passed`;
  },
});

/** A person ends the run past the point of no return. */
const answered = (doing: Doing, decision: 'roll back' | 'leave'): Case => ({
  name: `${doing.id} fails after, answered '${decision}'`,
  async play(post: Post) {
    await post.reset();
    await post.faulty({ at: doing.id, mode: 'fails after' });
    const handle = await post.reimage();
    await answer(handle, await parked(handle), decision);
    const end = await endOf(handle);
    assert.deepEqual([end.closed, end.exitCode], ['FAILED', 99]);
    await assertCleanedUp(post, handle, end);
    assert.equal(post.state().downtimes, 1);
    return end.error ?? '';
  },
});
