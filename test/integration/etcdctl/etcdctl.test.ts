import assert from 'node:assert/strict';
import { after, before, beforeEach, suite, test } from 'node:test';
import { etcdctl } from '../../../activities/etcdctl.ts';
import type { LabMachine } from '../../lab/machine.ts';
import { whyNoLab } from '../../lab/programs.ts';
import { fails } from '../../support/fails.ts';
import { holds } from '../../support/holds.ts';
import { labHands, type LabHands } from '../../support/lab-hands.ts';

suite('an etcd cluster of three', { skip: whyNoLab() ?? false }, () => {
  let hands: LabHands;
  let spare: LabMachine;
  const cluster = 'tools';
  const fqdn = 'tools-etcd-4.lab';
  const via = 'tools-etcd-1.lab';
  const member = { cluster, fqdn };

  const names = async () => (await hands.lab.etcd?.members())?.map(({ name, peerURLs }) => name || peerURLs.join());
  const founders = ['tools-etcd-1.lab', 'tools-etcd-2.lab', 'tools-etcd-3.lab'];
  const state = () =>
    spare.console(
      'cat /etc/default/etcd; ls -A /etc/default /var/lib/etcd; systemctl is-active etcd; systemctl is-enabled etcd; true',
    );

  before(async () => {
    hands = await labHands({ machines: 0, etcdMembers: 3 });
    spare = hands.lab.machine(fqdn);
  });
  after(() => hands.down());
  beforeEach(() => hands.lab.etcd?.reset());

  test('a learner joins, catches up, gets its vote and is a healthy member', async () => {
    const before = await state();
    await etcdctl['etcdctl.healthy'].run({ cluster }, hands.call());
    await etcdctl['etcdctl.checkFresh'].run({ fqdn }, hands.call());
    await etcdctl['etcdctl.memberAdd'].run({ ...member, via }, hands.call());
    const added = (await etcdctl['etcdctl.findMember'].run(member, hands.call())).member;
    assert.deepEqual([added?.learner, added?.started, added?.name], [true, false, '']);
    await fails(
      etcdctl['etcdctl.healthy'].run({ cluster }, hands.call()),
      'not-yet',
      'NOT_YET',
      /etcd tools is not in order: http:\/\/tools-etcd-4\.lab:2380 was never started/,
    );
    await fails(etcdctl['etcdctl.caughtUp'].run(member, hands.call()), 'not-yet', 'NOT_YET', /has not joined tools/);
    await fails(
      etcdctl['etcdctl.memberPromote'].run(member, hands.call()),
      'transient',
      'MEMBER_PROMOTE_FAILED',
      /in sync with leader/,
    );
    for (const attempt of [1, 2]) await etcdctl['etcdctl.startMember'].run(member, hands.call('run-1', { attempt }));
    await holds(() => etcdctl['etcdctl.caughtUp'].run(member, hands.call()));
    for (const attempt of [1, 2])
      await holds(() => etcdctl['etcdctl.memberPromote'].run(member, hands.call('run-1', { attempt })));
    const after = await holds(() => etcdctl['etcdctl.healthy'].run({ cluster, least: 4 }, hands.call()));
    assert.deepEqual(after.members.map(({ name }) => name).sort(), [...founders, fqdn]);
    await fails(
      etcdctl['etcdctl.checkFresh'].run({ fqdn }, hands.call()),
      'failed',
      'ETCD_HOST_NOT_FRESH',
      /tools-etcd-4\.lab cannot become a member: etcd is running/,
    );

    for (const attempt of [1, 2]) await etcdctl['etcdctl.wipeMember'].run({ fqdn }, hands.call('run-1', { attempt }));
    for (const attempt of [1, 2]) await etcdctl['etcdctl.memberRemove'].run(member, hands.call('run-1', { attempt }));
    assert.deepEqual(await names(), founders);
    await etcdctl['etcdctl.healthy'].run({ cluster }, hands.call());
    assert.equal(await state(), before, 'the spare machine is as it was');
  });

  test('a member that never started is found by its peer URL and removed', async () => {
    await etcdctl['etcdctl.memberAdd'].run({ ...member, via }, hands.call());
    assert.deepEqual(await names(), [...founders, 'http://tools-etcd-4.lab:2380']);
    await etcdctl['etcdctl.memberRemove'].run(member, hands.call());
    assert.deepEqual(await names(), founders);
    assert.deepEqual(await etcdctl['etcdctl.findMember'].run(member, hands.call()), {});
  });

  test('a member that is there already is refused for good', async () => {
    await etcdctl['etcdctl.memberAdd'].run({ ...member, via }, hands.call());
    await fails(
      etcdctl['etcdctl.memberAdd'].run({ ...member, via }, hands.call()),
      'failed',
      'MEMBER_ADD_REFUSED',
      /http:\/\/tools-etcd-4\.lab:2380 was not added: .*already exist/,
    );
  });

  test('what another run, or a person, set up on a host is not wiped', async () => {
    const before = await state();
    await etcdctl['etcdctl.wipeMember'].run({ fqdn }, hands.call('run-2'));
    assert.equal(await state(), before);
    await etcdctl['etcdctl.memberAdd'].run({ ...member, via }, hands.call('run-1'));
    await etcdctl['etcdctl.startMember'].run(member, hands.call('run-1'));
    await etcdctl['etcdctl.wipeMember'].run({ fqdn }, hands.call('run-2'));
    await holds(() => etcdctl['etcdctl.caughtUp'].run(member, hands.call('run-1')));
    await etcdctl['etcdctl.wipeMember'].run({ fqdn }, hands.call('run-1'));
    assert.equal(await state(), before);
  });

  test('with one member down the gate is shut, and the others still answer for it', async () => {
    await hands.lab.machine(via).console('systemctl stop etcd');
    await fails(
      etcdctl['etcdctl.healthy'].run({ cluster }, hands.call()),
      'not-yet',
      'NOT_YET',
      /http:\/\/tools-etcd-1\.lab:2379 is not healthy/,
    );
    const { via: other, members } = await etcdctl['etcdctl.members'].run({ cluster }, hands.call());
    assert.equal(other, 'tools-etcd-2.lab');
    assert.equal(members.length, 3);
    await fails(
      etcdctl['etcdctl.memberAdd'].run({ ...member, via: other }, hands.call()),
      'failed',
      'MEMBER_ADD_REFUSED',
      /unhealthy cluster|not enough started members/,
    );
  });

  test('a member whose loss would leave too few is not removed', async () => {
    await etcdctl['etcdctl.memberAdd'].run({ ...member, via }, hands.call());
    await etcdctl['etcdctl.startMember'].run(member, hands.call());
    await holds(() => etcdctl['etcdctl.memberPromote'].run(member, hands.call()));
    await holds(() => etcdctl['etcdctl.healthy'].run({ cluster, least: 4 }, hands.call()));
    for (const name of ['tools-etcd-2.lab', 'tools-etcd-3.lab'])
      await hands.lab.machine(name).console('systemctl stop etcd');
    await fails(
      etcdctl['etcdctl.memberRemove'].run(member, hands.call()),
      'failed',
      'ETCD_UNHEALTHY_WITHOUT',
      /tools-etcd-4\.lab stays a member, as without it only \d of 3 members are healthy/,
    );
  });

  test('an unknown cluster and a cluster that cannot be reached are named', async () => {
    await fails(
      etcdctl['etcdctl.members'].run({ cluster: 'toolsbeta' }, hands.call()),
      'usage',
      'ETCD_CLUSTER_UNKNOWN',
      /'toolsbeta' is not in the configuration's etcd_clusters: it has tools/,
    );
    for (const name of founders) await hands.lab.machine(name).console('systemctl stop etcd');
    await fails(
      etcdctl['etcdctl.members'].run({ cluster }, hands.call()),
      'transient',
      'ETCD_UNREACHABLE',
      /0 of the etcd members .* answered, 1 needed: tools-etcd-1\.lab: etcdctl member list printed no answer/,
    );
  });
});
