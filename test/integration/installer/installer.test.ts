import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { dhcp } from '../../../activities/dhcp.ts';
import { installer } from '../../../activities/installer.ts';
import { ipmi } from '../../../activities/ipmi.ts';
import { system } from '../../../activities/system.ts';
import type { LabMachine } from '../../lab/machine.ts';
import { whyNoLab } from '../../lab/programs.ts';
import { sshAnswers } from '../../lab/ssh.ts';
import { until } from '../../lab/client.ts';
import { fails } from '../../support/fails.ts';
import { holds } from '../../support/holds.ts';
import { labHands, type LabHands } from '../../support/lab-hands.ts';

suite('installing a machine', { skip: whyNoLab() ?? false }, () => {
  let hands: LabHands;
  let machine: LabMachine;
  let host: string;
  const os = 'trixie';
  const name = () => `${machine.short}.conf`;
  const included = () =>
    hands.lab.installServer.console('cat /etc/dhcp/automation/proxies/ttyS1-115200.conf 2>/dev/null || true');

  before(async () => {
    hands = await labHands({ machines: 1, installSeconds: 4 });
    [machine] = hands.lab.machines as [LabMachine];
    host = machine.name;
  });
  after(() => hands.down());

  test('a snippet is in service after its push, carries its run, and goes with it, however often', async () => {
    for (const attempt of [1, 2]) {
      await dhcp['dhcp.pushSnippet'].run({ host, os }, hands.call('run-1', { attempt }));
      assert.match(hands.lab.snippets()[name()] ?? '', /^# sumac run run-1\nhost cloudvirt1001 \{/);
      assert.match(await included(), /cloudvirt1001\.conf/);
    }
    for (const attempt of [1, 2]) {
      await dhcp['dhcp.removeSnippet'].run({ host, os }, hands.call('run-1', { attempt }));
      assert.deepEqual(hands.lab.snippets(), {});
      assert.doesNotMatch(await included(), /cloudvirt1001\.conf/);
    }
  });

  test('a removal that was cut short before the refresh is completed', async () => {
    await dhcp['dhcp.pushSnippet'].run({ host, os }, hands.call());
    await hands.lab.installServer.console(`rm /etc/dhcp/automation/ttyS1-115200/${name()}`);
    assert.match(await included(), /cloudvirt1001\.conf/);
    await dhcp['dhcp.removeSnippet'].run({ host, os }, hands.call());
    assert.doesNotMatch(await included(), /cloudvirt1001\.conf/);
  });

  test("another run's snippet, and one that somebody changed, are left alone", async () => {
    await dhcp['dhcp.pushSnippet'].run({ host, os }, hands.call('run-1'));
    const foreign = /install1001\.lab: .*cloudvirt1001\.conf is left alone: run run-1 wrote it/;
    await fails(
      dhcp['dhcp.removeSnippet'].run({ host, os }, hands.call('run-2')),
      'failed',
      'DHCP_SNIPPET_FOREIGN',
      foreign,
    );
    await hands.lab.installServer.console(`echo '# by hand' >>/etc/dhcp/automation/ttyS1-115200/${name()}`);
    const changed = /it was changed since this run wrote it/;
    await fails(
      dhcp['dhcp.removeSnippet'].run({ host, os }, hands.call('run-1')),
      'failed',
      'DHCP_SNIPPET_FOREIGN',
      changed,
    );
    assert.match(hands.lab.snippets()[name()] ?? '', /# by hand/);
    // A push is the host's lock holder's: it replaces what a dead run left.
    await dhcp['dhcp.pushSnippet'].run({ host, os }, hands.call('run-2'));
    await dhcp['dhcp.removeSnippet'].run({ host, os }, hands.call('run-2'));
    assert.deepEqual(hands.lab.snippets(), {});
  });

  test('a refresh that fails takes the snippet away again, and says why', async () => {
    await hands.lab.fault({ fault: 'dhcpRefreshFails', on: true });
    try {
      await fails(
        dhcp['dhcp.pushSnippet'].run({ host, os }, hands.call()),
        'failed',
        'DHCP_REFRESH_FAILED',
        /install1001\.lab: '.*dhcpincludes -r commit' for cloudvirt1001\.lab: .*Input\/output error/,
      );
      assert.deepEqual(hands.lab.snippets(), {});
    } finally {
      await hands.lab.fault({ fault: 'dhcpRefreshFails', on: false });
    }
  });

  test("what dhcpd says of a broken snippet is told without any run's secret", async () => {
    const neighbour = '/etc/dhcp/automation/ttyS1-115200/neighbour.conf';
    await hands.lab.installServer.console(
      `echo 'host x { filename "http://a/boot?token=s3cret" fixed-address 10.0.0.1; }' >${neighbour}`,
    );
    try {
      const pushed = dhcp['dhcp.pushSnippet'].run({ host, os }, hands.call());
      await fails(pushed, 'failed', 'DHCP_REFRESH_FAILED', /neighbour\.conf[^]*; without the snippet too: install1001/);
      await pushed.catch((error: unknown) => assert.match(String(error), /token=\.\.\."/));
    } finally {
      await hands.lab.installServer.console(`rm ${neighbour}`);
    }
  });

  test('a host that is off is no obstacle, after the third look', async () => {
    await hands.lab.net(host, 'down');
    try {
      const look = (attempt: number) =>
        installer['installer.runningSystem'].run({ host }, hands.call('run-1', { attempt }));
      await fails(look(1), 'transient', 'UNREACHABLE', /cloudvirt1001\.lab/);
      const { bootId, absent } = await look(3);
      assert.equal(bootId, undefined);
      assert.match(absent ?? '', /cloudvirt1001\.lab/);
    } finally {
      await hands.lab.net(host, 'up');
    }
  });

  test('a power cycle that did not take place is told from one that did', async () => {
    const { bootId } = await holds(() => system['system.running'].run({ host }, hands.call()));
    assert.equal(bootId, machine.bootId());
    await ipmi['ipmi.forcePxe'].run({ host }, hands.call());
    assert.equal(await installer['installer.powerCycled'].run({ host, bootId }, hands.call()), false);
    await dhcp['dhcp.pushSnippet'].run({ host, os }, hands.call());
    await hands.lab.fault({ fault: 'installerHangs', host, on: true }); // so that it is seen at work, however slow we look
    await ipmi['ipmi.powerCycle'].run({ host, action: 'cycle' }, hands.call());
    assert.equal(await holds(() => installer['installer.powerCycled'].run({ host, bootId }, hands.call())), true);
    assert.equal(await holds(() => installer['installer.reached'].run({ host, bootId }, hands.call())), 'installer');
  });

  test('what an installation has to prove, it proves to its own run only', async () => {
    const look = (run: string) => installer['installer.finished'].run({ host, os }, hands.call(run));
    await fails(
      look('run-1'),
      'not-yet',
      'NOT_YET',
      /has left no proof of this run's installation on install1001\.lab/,
    );
    await fails(
      installer['installer.acceptHostKey'].run({ host }, hands.call()),
      'failed',
      'PROOF_MISSING',
      /no proof/,
    );
    await hands.lab.fault({ fault: 'installerHangs', host, on: false });
    const { fingerprint, os: written } = await holds(() => look('run-1'));
    assert.match(fingerprint, /^SHA256:/);
    assert.equal(written, os);
    await fails(look('run-2'), 'not-yet', 'NOT_YET', /no proof/);
    await fails(
      installer['installer.finished'].run({ host, os: 'bookworm' }, hands.call()),
      'failed',
      'INSTALLED_OS_WRONG',
      /the installer wrote 'trixie' and not 'bookworm'/,
    );
    await fails(
      installer['installer.acceptHostKey'].run({ host }, hands.call('run-2')),
      'failed',
      'PROOF_MISSING',
      /no proof/,
    );
  });

  test('a worker that was away during the whole installation finds it done', async () => {
    await until('the new system runs', () => machine.os() === os);
    await sshAnswers(machine.address);
    assert.equal(await installer['installer.reached'].run({ host }, hands.call()), 'installed');
  });

  test('the new system is trusted on its proof alone, and not before', async () => {
    await fails(system['system.backFrom'].run({ host }, hands.call()), 'not-yet', 'NOT_YET', /host key/);
    assert.deepEqual(await installer['installer.provenHostKeys'].run({ host }, hands.call()), []);
    for (const attempt of [1, 2])
      await installer['installer.acceptHostKey'].run({ host }, hands.call('run-1', { attempt }));
    assert.deepEqual(await installer['installer.provenHostKeys'].run({ host }, hands.call()), [machine.hostKey()]);
    const now = await holds(() => system['system.healthyAfter'].run({ host, bootId: 'before' }, hands.call()));
    assert.deepEqual(now, { bootId: machine.bootId(), os, installer: false });
    await system['system.checkOs'].run({ host, os }, hands.call());
    await fails(
      system['system.checkOs'].run({ host, os: 'bookworm' }, hands.call()),
      'failed',
      'OS_WRONG',
      /cloudvirt1001\.lab runs 'trixie' and not 'bookworm'/,
    );
    await installer['installer.restoreHostKeys'].run({ host, keys: [] }, hands.call());
    await fails(system['system.backFrom'].run({ host }, hands.call()), 'not-yet', 'NOT_YET', /host key/);
    await installer['installer.acceptHostKey'].run({ host }, hands.call());
    await dhcp['dhcp.removeSnippet'].run({ host, os }, hands.call());
  });

  test('whether a reboot took place is told by the boot id, once the host answers', async () => {
    const bootId = machine.bootId() ?? '';
    assert.equal(await system['system.rebooted'].run({ host, bootId }, hands.call()), false);
    await fails(
      system['system.backFrom'].run({ host, bootId }, hands.call()),
      'not-yet',
      'NOT_YET',
      /has not been rebooted: boot id is still/,
    );
    await machine.console('systemctl reboot');
    assert.equal(await holds(() => system['system.rebooted'].run({ host, bootId }, hands.call())), true);
    const now = await holds(() => system['system.healthyAfter'].run({ host, bootId }, hands.call()));
    assert.equal(now.bootId, machine.bootId());
  });

  test('a failed unit keeps a host from being healthy, and is named', async () => {
    const failing = '[Service]\\nType=oneshot\\nExecStart=/bin/false\\n';
    await machine.console(
      `printf '${failing}' >/etc/systemd/system/broken.service; systemctl daemon-reload; systemctl start broken || true`,
    );
    await fails(
      system['system.healthyAfter'].run({ host }, hands.call()),
      'not-yet',
      'NOT_YET',
      /cloudvirt1001\.lab is 'degraded': failed units broken\.service/,
    );
  });
});
