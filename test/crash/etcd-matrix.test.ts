import type { WorkflowHandle } from '@temporalio/client';
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { CookbookWorker } from '../lab/cookbook-worker.ts';
import type { LabMachine } from '../lab/machine.ts';
import { whyNoLab } from '../lab/programs.ts';
import type { FaultMode } from './support/fault-plan.ts';
import { activitiesOf, changes, endOf, type Doing, type End } from './support/history.ts';
import { Stage, until, type Lane } from './support/stage.ts';

const fqdn = 'tools-etcd-4.lab';
const founders = ['tools-etcd-1.lab', 'tools-etcd-2.lab', 'tools-etcd-3.lab'];

suite('adding an etcd member', { skip: whyNoLab() ?? false }, () => {
  let stage: Stage;
  let lane: Lane;
  let spare: LabMachine;
  let worker: CookbookWorker | undefined;
  let good: Doing[];

  const members = async () => (await stage.lab.etcd?.members())?.map(({ name, peerURLs }) => name || peerURLs.join());
  const hostState = () =>
    spare.console(
      'cat /etc/default/etcd; ls -A /etc/default /var/lib/etcd; systemctl is-active etcd; systemctl is-enabled etcd; true',
    );
  const start = (): Promise<WorkflowHandle> => lane.start('wmcs.toolforge.etcd.add-member', ['tools', fqdn]);

  let untouched: string;

  /** Runs the cookbook with a fault, under a new worker each time it dies. */
  async function runWith(at: string, mode: FaultMode): Promise<{ handle: WorkflowHandle; end: End }> {
    await stage.lab.etcd?.reset();
    lane.faults.set([{ at, mode }]);
    worker ??= await lane.faultyWorker();
    const handle = await start();
    if (mode.startsWith('dies')) {
      await until(`the worker dies at ${at}`, () => lane.faults.left.length === 0);
      await worker.ended;
      worker = await lane.faultyWorker();
    }
    const ended = endOf(handle);
    await until(
      `the run ends after ${at} ${mode}`,
      async () => (await handle.describe()).status.name !== 'RUNNING',
      180_000,
    );
    const end = await ended;
    assert.deepEqual(lane.faults.left, [], 'it went wrong');
    assert.deepEqual(await stage.locksOf(handle.workflowId), [], 'no lock left');
    return { handle, end };
  }

  const assertAdded = async (end: End) => {
    assert.equal(end.exitCode, 0, end.error);
    assert.deepEqual(await members(), [...founders, fqdn]);
  };

  before(async () => {
    stage = await Stage.up({ machines: 0, etcdMembers: 3 });
    lane = await stage.lane();
    spare = stage.lab.machine(fqdn);
    untouched = await hostState();
    worker = await lane.faultyWorker();
    const handle = await start();
    await assertAdded(await endOf(handle));
    good = (await activitiesOf(handle)).filter(({ type }) => type.startsWith('etcdctl.'));
    await stage.lab.etcd?.reset();
  });
  after(async () => {
    await worker?.kill();
    await stage.down();
  });

  test('each step fails in turn, before and after its effect: three healthy members, and the host as it was', async (t) => {
    assert.ok(good.length >= 8);
    for (const { id } of good)
      for (const mode of ['fails before', 'fails after'] as const) {
        const { end } = await runWith(id, mode);
        assert.deepEqual([end.exitCode, end.notUndone], [99, undefined], `${id} ${mode}: ${end.error ?? ''}`);
        assert.deepEqual(await members(), founders, `${id} ${mode}`);
        await stage.lab.etcd?.healthy();
        assert.equal(await hostState(), untouched, `${id} ${mode}`);
        t.diagnostic(`ok ${id} ${mode}`);
      }
  });

  test('kill -9 of the worker before and after each effect: one member more, added once', async (t) => {
    for (const { id } of good.filter(changes))
      for (const mode of ['dies before', 'dies after'] as const) {
        const { end } = await runWith(id, mode);
        await assertAdded(end);
        t.diagnostic(`ok ${id} ${mode}`);
      }
  });

  test('an answer that is lost is found out by the list of members', async () => {
    for (const mode of ['answer lost', 'order lost'] as const) {
      const { handle, end } = await runWith('add the member', mode);
      await assertAdded(end);
      const types = (await activitiesOf(handle)).map(({ type }) => type);
      assert.equal(types.filter((type) => type === 'etcdctl.memberAdd').length, mode === 'order lost' ? 2 : 1);
    }
  });

  test('a host that is a member already is left as it is', async () => {
    await runWith('add the member', 'order lost');
    lane.faults.set([]);
    const handle = await start();
    await assertAdded(await endOf(handle));
    assert.deepEqual((await activitiesOf(handle)).filter(changes), []);
  });
});
