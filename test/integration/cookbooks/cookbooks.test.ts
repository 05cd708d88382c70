import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { endOf, type End } from '../../crash/support/history.ts';
import { answer, parked } from '../../crash/support/post.ts';
import { Stage, until, type Lane } from '../../crash/support/stage.ts';
import type { CookbookWorker } from '../../lab/cookbook-worker.ts';
import { whyNoLab } from '../../lab/programs.ts';
import type { FleetHost, RunContext } from '../../../src/model/run.ts';

suite('the cookbooks on lab machines', { skip: whyNoLab() ?? false }, () => {
  let stage: Stage;
  let lane: Lane;
  let worker: CookbookWorker;
  const query = 'cloudvirt[1001-1003].lab';

  const play = async (cookbook: string, argv: string[], given: Partial<RunContext> = {}): Promise<End> =>
    endOf(await lane.start(cookbook, argv, given));
  const passes = async (cookbook: string, ...argv: string[]) => {
    const end = await play(cookbook, argv);
    assert.equal(end.exitCode, 0, end.error);
    return end;
  };

  before(async () => {
    stage = await Stage.up({ machines: 3, installSeconds: 2 });
    lane = await stage.lane();
    worker = await lane.worker();
  });
  after(async () => {
    await worker.kill();
    await stage.down();
  });

  test('an example of the module interface asks all hosts at once', async () => {
    await passes('examples.disk-space', query);
  });

  test('an example of the class interface restarts a unit, host by host', async () => {
    const [first] = stage.lab.machines;
    const since = () => first?.console('systemctl show -P ActiveEnterTimestampMonotonic systemd-journald');
    const before = await since();
    await passes('examples.service-restart', query, 'systemd-journald.service');
    assert.notEqual(await since(), before);
  });

  test('a reboot of several hosts is one after the other, each once', async () => {
    const before = stage.lab.machines.map((machine) => machine.bootId());
    const booted = stage.lab.boots().length;
    await passes('sre.hosts.reboot', query);
    stage.lab.machines.forEach((machine, i) => assert.notEqual(machine.bootId(), before[i]));
    assert.deepEqual(
      stage.lab
        .boots()
        .slice(booted)
        .map(({ machine }) => machine),
      stage.lab.machines.map(({ name }) => name),
    );
  });

  test('two cookbooks on one host exclude each other, and a host of several is locked by its own run', async () => {
    const host = 'cloudvirt1001.lab';
    const reimage = await lane.start('sre.hosts.reimage', [host, '--os', 'trixie']);
    const prompt = await parked(reimage);
    const reboot = await lane.start('sre.hosts.reboot', [`${host},cloudvirt1002.lab`]);
    await until('its reboot waits for the host', async () => {
      const waiting = `/spicerack/waiting/custom/host:${host}/`;
      return (await stage.etcd.ctl('get', '--prefix', waiting, '--keys-only')).trim() !== '';
    });
    await answer(reimage, prompt, 'abort');
    assert.notEqual((await endOf(reimage)).exitCode, 0);
    const end = await endOf(reboot);
    assert.equal(end.exitCode, 0, end.error);
  });

  test('a dry run of a re-image changes nothing and says in which order it would', async () => {
    const before = await stage.lab.snapshot();
    const end = await play('sre.hosts.reimage', ['cloudvirt1001.lab', '--os', 'trixie', '--force'], { dryRun: true });
    assert.equal(end.exitCode, 0, end.error);
    assert.deepEqual(await stage.lab.snapshot(), before);
    assert.deepEqual(stage.lab.machine('cloudvirt1001').bmcLog(), []);
    const steps = [
      'silence alerts',
      'push the DHCP snippet',
      'boot from the network next',
      'power cycle (no way back)',
      'wait until: installer starts',
      'settle: boot from the network next',
      'wait until: installer finishes',
      'accept the new host key',
      'settle: push the DHCP snippet',
      'reboot',
      'settle: silence alerts',
    ];
    const at = steps.map((step) => end.plan?.findIndex((line) => line.startsWith(step)) ?? -1);
    assert.ok(!at.includes(-1), JSON.stringify([steps, end.plan]));
    assert.deepEqual(
      at,
      [...at].sort((a, b) => a - b),
    );
  });

  test('an unknown host, or one whose end nobody confirms, is not touched', async () => {
    const unknown = await play('sre.hosts.reimage', ['cloudvirt9999.lab', '--os', 'trixie', '--force']);
    assert.equal(unknown.status, 'ERROR');
    assert.match(unknown.error ?? '', /unknown host cloudvirt9999\.lab/);
    const before = await stage.lab.snapshot();
    const undecided = await lane.start('sre.hosts.reimage', ['cloudvirt1001.lab', '--os', 'trixie']);
    await undecided.cancel();
    assert.equal((await endOf(undecided)).exitCode, 97);
    assert.deepEqual(await stage.lab.snapshot(), before);
  });

  test('a machine that is off is switched on once, into the installer', async () => {
    const machine = stage.lab.machine('cloudvirt1001');
    await machine.console('systemctl poweroff');
    await until('it is off', () => machine.phase() === 'off');
    const { report } = await passes('sre.hosts.reimage', machine.name, '--os', 'trixie', '--force', '--no-downtime');
    assert.deepEqual((report as { osBefore?: string; osAfter: string }).osAfter, 'trixie');
    assert.deepEqual(
      machine.bmcLog().map(({ command }) => command),
      ['boot pxe', 'power on', 'boot none'],
    );
    assert.deepEqual(lane.downtimes().log, []);
    await lane.reset(machine);
  });

  test('a fleet re-image goes on past a host that fails, and says so', async () => {
    const broken = stage.lab.machine('cloudvirt1003');
    await stage.lab.fault({ fault: 'bmcSilent', host: broken.name, on: true });
    const end = await play('wmcs.openstack.cloudvirt.reimage-fleet', [
      ...[query, '--os', 'trixie', '--force'],
      ...['--width', '2', '--canaries', '1', '--max-failed', '1'],
    ]);
    await stage.lab.fault({ fault: 'bmcSilent', host: broken.name, on: false });
    assert.deepEqual([end.exitCode, end.status], [1, 'FAIL'], end.error);
    const { hosts } = end.report as { hosts: FleetHost[] };
    assert.deepEqual(
      hosts.map(({ host, state }) => [host, state]),
      [
        ['cloudvirt1001.lab', 'done'],
        ['cloudvirt1002.lab', 'done'],
        ['cloudvirt1003.lab', 'failed'],
      ],
    );
    assert.deepEqual(
      stage.lab.machines.map((machine) => [machine.os(), machine.powerCycles()]),
      [
        ['trixie', 1],
        ['trixie', 1],
        ['bookworm', 0],
      ],
    );
    assert.match(hosts[2]?.error ?? '', /BMC of cloudvirt1003\.lab/);
    assert.deepEqual(stage.lab.snippets(), {});
    assert.equal(lane.downtimes().open, 0);
  });
});
