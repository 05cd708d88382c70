import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { whyNoLab } from '../lab/programs.ts';
import { leave, setStage } from './support/good-run.ts';
import { playAll } from './support/grid.ts';
import { endOf } from './support/history.ts';
import { phaseOf, type Post } from './support/post.ts';
import { outages } from './support/outages.ts';
import { until, type Stage } from './support/stage.ts';

suite('what a re-image depends on goes away in the middle of it', { skip: whyNoLab() ?? false }, () => {
  let scene: { stage: Stage; posts: [Post, ...Post[]] };
  before(async () => {
    scene = await setStage(4);
    // The others find the bundle it builds.
    await scene.posts[0].faulty();
  });
  after(() => leave(scene));

  /** Re-images all machines, each of them at another step when what all depend on goes away. */
  const everywhere = async (steps: string[], outage: () => Promise<void>): Promise<void> => {
    const runs = await Promise.all(
      scene.posts.map(async (post, at) => {
        await post.reset();
        return { post, handle: await post.reimageUntil(steps[at] ?? '') };
      }),
    );
    for (const { post } of runs) post.release();
    await outage();
    for (const { post, handle } of runs) {
      const end = await endOf(handle);
      assert.equal(end.exitCode, 0, `${post.machine.name}: ${end.error}`);
      await post.assertReimaged(handle);
    }
  };

  test('Temporal is killed and starts again on its database', () =>
    everywhere(['boot from the network next', 'installer starts', 'new system answers', 'reboot/1'], async () => {
      await scene.stage.temporal.kill();
      await sleep(2000);
      await scene.stage.temporal.restart();
    }));

  test('etcd is killed and starts again, the install server is away, and loses its connections', () =>
    everywhere(
      ['silence alerts', 'note the host keys', 'lock spicerack.dhcp.DHCP:lab (2)', 'back and healthy'],
      async () => {
        const { etcd, lab } = scene.stage;
        await Promise.all([etcd.kill(), lab.net('install1001', 'down')]);
        await sleep(5000);
        await etcd.start();
        await sleep(5000);
        await lab.net('install1001', 'up');
        for (let times = 0; times < 5; times++) {
          await sleep(500);
          await lab.dropConnections('install1001');
        }
      },
    ));

  test('DHCP cannot be refreshed: the snippet is taken away again, and all is as it was', async () => {
    const [post] = scene.posts;
    await post.reset();
    const state = post.state();
    await post.good();
    await scene.stage.lab.dhcpRefreshFails(true);
    const handle = await post.reimage();
    await until('it is rolled back', async () => (await phaseOf(handle)) === 'rolling back');
    assert.deepEqual(post.state().snippets, []);
    await scene.stage.lab.dhcpRefreshFails(false);
    const end = await endOf(handle);
    assert.deepEqual([end.exitCode, end.notUndone], [99, undefined]);
    assert.match(end.error ?? '', /dhcpincludes -r commit' for cloudvirt1001\.lab: .*Input\/output error/);
    assert.deepEqual(post.state(), state);
    assert.deepEqual(await scene.stage.locksOf(handle.workflowId), []);
  });

  test('a machine, its BMC, its lock or its worker goes away', async (t) => {
    await playAll(t, scene.posts, outages);
  });
});
