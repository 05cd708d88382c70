import type { WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { LabClient } from '../../lab/client.ts';
import type { Case } from './grid.ts';
import { endOf } from './history.ts';
import { answer, assertCleanedUp, parked, phaseOf, type Post } from './post.ts';
import { until } from './stage.ts';

/** Waits for a good end. */
async function passed(post: Post, handle: WorkflowHandle, powerCycles = 1): Promise<string> {
  const end = await endOf(handle);
  assert.equal(end.exitCode, 0, end.error);
  await post.assertReimaged(handle, powerCycles);
  return 'passed';
}

const neverEnds: Case = {
  name: 'an installer that does not end',
  async play(post) {
    const { lab } = post.stage;
    await post.reset();
    await post.faulty();
    await lab.installerHangs(post.machine.name, true);
    const handle = await post.reimage(['--install-timeout', '6s']);
    const prompt = await parked(handle);
    assert.match(prompt.message, /^step 'installer finishes' failed: .*has left no proof of this run's installation/);
    assert.equal(post.machine.powerCycles(), 1);
    await lab.installerHangs(post.machine.name, false);
    await answer(handle, prompt, 'retry');
    return `asked, ${await passed(post, handle)} by a retry`;
  },
};

const noInstaller: Case = {
  name: 'a machine that boots from its disk as the network has no installer for it',
  async play(post) {
    const { lab } = post.stage;
    const client = new LabClient(lab);
    const refresh = '/usr/local/sbin/dhcpincludes -r commit';
    const file = `/etc/dhcp/automation/ttyS1-115200/${post.machine.short}.conf`;
    await post.reset();
    const handle = await post.reimageUntil('power cycle/1');
    assert.equal((await client.ssh(lab.installServer.name, `mv ${file} ${file}.off && ${refresh}`)).code, 0);
    post.release();
    const prompt = await parked(handle);
    assert.match(prompt.message, /^step 'installer starts' failed: .* has booted bookworm from its disk/);
    assert.equal((await client.ssh(lab.installServer.name, `mv ${file}.off ${file} && ${refresh}`)).code, 0);
    await client.cycleIntoNetwork(post.machine);
    await until('the installer runs', () => post.machine.phase() === 'installer');
    await answer(handle, prompt, 'retry');
    return `asked, ${await passed(post, handle, 2)} when a person had cycled it again`;
  },
};

const noWorker: Case = {
  name: 'no worker for longer than a condition may take',
  async play(post) {
    await post.reset();
    const handle = await post.reimageUntil('installer finishes', ['--install-timeout', '4s']);
    await post.kill();
    await until('the machine is installed', () => post.machine.phase() === 'disk');
    await sleep(4000);
    await post.good();
    return await passed(post, handle);
  },
};

const secondRun: Case = {
  name: 'a second run for the same machine',
  async play(post) {
    await post.reset();
    const first = await post.reimageUntil('installer finishes');
    const second = await post.reimage();
    const waits = await until('the second waits', async () => {
      const { raw } = await second.describe();
      const [details] = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads ?? [];
      return details && defaultPayloadConverter.fromPayload<{ waitingFor: string; holders: string[] }>(details);
    });
    assert.equal(waits.waitingFor, `/spicerack/locks/cookbooks/sre.hosts.reimage:${post.machine.name}`);
    assert.match(waits.holders.join(), new RegExp(`: alice@laptop \\[${first.workflowId}\\]$`));
    assert.equal((await post.stage.locksOf(second.workflowId)).length, 1, 'a place in the queue');
    await second.cancel();
    assert.equal((await endOf(second)).closed, 'CANCELED');
    assert.deepEqual(await post.stage.locksOf(second.workflowId), []);
    assert.deepEqual(post.sal(second), []);
    post.release();
    return `waits for the first, cancelled, nothing left; the first ${await passed(post, first)}`;
  },
};

const silentAtTheCycle: Case = {
  name: 'a BMC that is silent from the power cycle on',
  async play(post) {
    const { lab } = post.stage;
    await post.reset();
    const state = post.state();
    const handle = await post.reimageUntil('power cycle/1');
    await lab.bmcSilent(post.machine.name, true);
    post.release();
    await until('it is rolled back', async () => (await phaseOf(handle)) === 'rolling back');
    await sleep(5000);
    await lab.bmcSilent(post.machine.name, false);
    const end = await endOf(handle);
    assert.deepEqual([end.exitCode, end.notUndone], [99, undefined]);
    assert.match(end.error ?? '', /power cycle was not sent/);
    assert.deepEqual(post.state(), state);
    assert.deepEqual(await post.stage.locksOf(handle.workflowId), []);
    return 'the order was not sent: undone when it answers again';
  },
};

const silentForAWhile: Case = {
  name: 'a BMC that is silent for 12 s before the power cycle',
  async play(post) {
    const { lab } = post.stage;
    await post.reset();
    const handle = await post.reimageUntil('boot from the network next');
    await lab.bmcSilent(post.machine.name, true);
    post.release();
    await sleep(12_000);
    await lab.bmcSilent(post.machine.name, false);
    return await passed(post, handle);
  },
};

const noLogins: Case = {
  name: 'no logins for 15 s before the reboot',
  async play(post) {
    const { lab } = post.stage;
    await post.reset();
    const handle = await post.reimageUntil('reboot');
    await lab.refuseLogins(post.machine.name, 15);
    await lab.dropConnections(post.machine.name);
    post.release();
    return await passed(post, handle);
  },
};

const noNetworkAtTheReboot: Case = {
  name: 'no network as the reboot is to be ordered',
  async play(post) {
    const { lab } = post.stage;
    await post.reset();
    const handle = await post.reimageUntil('reboot/1');
    await lab.net(post.machine.name, 'down');
    post.release();
    const prompt = await parked(handle);
    assert.match(prompt.message, /^step 'reboot' failed: cloudvirt\d+\.lab .*(Timed out|timed out)/);
    await lab.net(post.machine.name, 'up');
    await answer(handle, prompt, 'retry');
    return `the order was not sent: asked, ${await passed(post, handle)} by a retry`;
  },
};

const noNetworkAfterTheReboot: Case = {
  name: 'no network for 15 s after the reboot',
  async play(post) {
    const { lab } = post.stage;
    await post.reset();
    const handle = await post.reimageUntil('back and healthy');
    await lab.net(post.machine.name, 'down');
    post.release();
    await sleep(15_000);
    await lab.net(post.machine.name, 'up');
    return await passed(post, handle);
  },
};

const noConnectionLasts: Case = {
  name: 'no connection lasts a second',
  async play(post) {
    const { lab } = post.stage;
    await post.reset();
    await post.good();
    const handle = await post.reimage();
    const drops = setInterval(() => {
      lab.dropConnections(post.machine.name).catch(() => undefined); // it may be off
    }, 700);
    try {
      return await passed(post, handle);
    } finally {
      clearInterval(drops);
    }
  },
};

/** Somebody takes the run's lock away. */
async function takeLockAway(post: Post): Promise<void> {
  const key = `/spicerack/locks/cookbooks/sre.hosts.reimage:${post.machine.name}/`;
  assert.match(await post.stage.etcd.ctl('del', '--prefix', key), /^1$/m);
}

async function answerLoss(handle: WorkflowHandle): Promise<void> {
  const prompt = await parked(handle);
  assert.match(prompt.message, /^lost the lock .*: its key is gone from etcd.*; nothing more is started/);
  await answer(handle, prompt, 'take it again and roll back');
}

const lockLostEarly: Case = {
  name: 'the lock is lost before the power cycle',
  async play(post) {
    await post.reset();
    const state = post.state();
    const handle = await post.reimageUntil('power cycle');
    await takeLockAway(post);
    await answerLoss(handle);
    const end = await endOf(handle);
    assert.deepEqual([end.exitCode, end.notUndone], [99, undefined]);
    assert.match(end.error ?? '', /^lost the lock .*: its key is gone from etcd/);
    assert.deepEqual(post.state(), state);
    return 'stopped, asked, all undone under the lock';
  },
};

const lockLostLate: Case = {
  name: 'the lock is lost after the power cycle',
  async play(post) {
    await post.reset();
    const handle = await post.reimageUntil('installer finishes');
    await takeLockAway(post);
    await answerLoss(handle);
    const end = await endOf(handle);
    assert.equal(end.exitCode, 99);
    await assertCleanedUp(post, handle, end);
    return 'stopped, asked, what is guaranteed was cleaned up';
  },
};

/** What happens to one machine while the others go on; the longest first. */
export const outages: readonly Case[] = [
  noConnectionLasts,
  noInstaller,
  noNetworkAtTheReboot,
  noLogins,
  noNetworkAfterTheReboot,
  silentForAWhile,
  neverEnds,
  noWorker,
  secondRun,
  silentAtTheCycle,
  lockLostEarly,
  lockLostLate,
];
