import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { parse } from 'yaml';
import { Inventory } from '../../src/config/inventory.ts';
import { LabClient, until } from '../lab/client.ts';
import { Lab } from '../lab/lab.ts';
import { whyNoLab } from '../lab/programs.ts';
import type { LabMachine } from '../lab/machine.ts';

suite('the lab', { skip: whyNoLab() ?? false }, () => {
  let lab: Lab;
  let client: LabClient;
  let first: LabMachine;
  let second: LabMachine;
  let third: LabMachine;

  before(async () => {
    lab = await Lab.up({ machines: 3, installSeconds: 3 });
    client = new LabClient(lab);
    [first, second, third] = lab.machines as [LabMachine, LabMachine, LabMachine];
  });
  after(async () => {
    await lab.down();
  });

  test('machines are systems of their own, reachable with the files of the lab', async () => {
    const bootIds = new Set<string>();
    for (const machine of lab.machines) {
      const seen = await client.ssh(
        machine.name,
        'cat /proc/sys/kernel/random/boot_id; hostname -f; . /etc/os-release; echo $VERSION_CODENAME; cut -d. -f1 /proc/uptime; systemctl is-system-running --wait',
      );
      const [bootId = '', name, os, uptime, state] = seen.output.split('\n');
      assert.deepEqual([bootId, name, os, state], [machine.bootId(), machine.name, 'bookworm', 'running']);
      assert.ok(Number(uptime) < 60, `uptime ${uptime}`);
      bootIds.add(bootId);
      assert.equal((await client.ipmi(machine, 'power', 'status')).output, 'Chassis Power is on');
    }
    assert.equal(bootIds.size, 3);
    const inventory = Inventory.parse(parse(readFileSync(lab.config.inventory, 'utf8')));
    assert.equal(inventory.hosts[first.name]?.mgmt, first.mgmt);
  });

  test('a power cycle with the PXE override re-images a machine that has a snippet', async () => {
    const before = first.snapshot();
    assert.deepEqual(await client.writeSnippet(first, 'trixie', 'cafe01'), { code: 0, output: '' });
    await client.cycleIntoNetwork(first);
    await until('the installer answers', () => first.os() === 'lab-installer');
    await until('its sshd is up', () => client.sshAnswers(first));
    const installerKey = /ssh-ed25519 \S+/.exec(readFileSync(lab.config.installer_known_hosts, 'utf8'))?.[0] ?? '';
    const inside = await client.login(
      first,
      installerKey,
      lab.config.installer_key,
      'cat /etc/installer; . /etc/os-release; echo $ID',
    );
    assert.match(inside.output, /os='trixie'[^]*lab-installer$/);
    assert.notEqual((await client.login(first, installerKey, lab.config.client_key, 'true')).code, 0);
    assert.ok(first.broken());

    await until('the new system runs', () => first.os() === 'trixie');
    await until('its sshd is up', () => client.sshAnswers(first));
    const proof = JSON.parse(
      (await client.ssh(lab.installServer.name, `cat /srv/autoinstall/proofs/${first.short}.json`)).output,
    ) as { token: string; os: string; hostKey: string };
    assert.deepEqual(proof, { token: 'cafe01', os: 'trixie', hostKey: first.hostKey() });
    assert.notEqual(proof.hostKey, before.hostKey);
    const bootId = await client.login(
      first,
      proof.hostKey,
      lab.config.client_key,
      'cat /proc/sys/kernel/random/boot_id',
    );
    assert.equal(bootId.output, first.bootId());
    assert.notEqual(bootId.output, before.bootId);
    assert.match((await client.ssh(first.name, 'true')).output, /HOST IDENTIFICATION HAS CHANGED/);
    assert.match((await client.ipmi(first, 'bootparam', 'get', '5')).output, /No override/);
    assert.equal(first.powerCycles(), 1);
    const boots = lab.boots().filter(({ machine }) => machine === first.name);
    assert.deepEqual(
      boots.map(({ boot, os, pxe }) => [boot, os, pxe]),
      [
        ['disk', 'bookworm', 'not asked'],
        ['installer', 'trixie', 'answered'],
        ['disk', 'trixie', 'not asked'],
      ],
    );
  });

  test('reset brings the first system and host key back, and forgets', async () => {
    const key = first.hostKey();
    await lab.reset(first.name);
    assert.equal((await client.ssh(first.name, '. /etc/os-release; echo $VERSION_CODENAME')).output, 'bookworm');
    assert.notEqual(first.hostKey(), key);
    assert.deepEqual([first.powerCycles(), lab.snippets(), lab.proof(first.name)], [0, {}, undefined]);
  });

  test('a machine without a snippet boots from its disk although it was told to use the network', async () => {
    const before = second.snapshot();
    await client.cycleIntoNetwork(second);
    await until('it has booted', () => second.bootId() !== before.bootId && second.os() === 'bookworm');
    await until('its sshd is up', () => client.sshAnswers(second));
    assert.deepEqual(second.snapshot(), { ...before, bootId: second.bootId() });
    assert.equal(lab.boots().findLast(({ machine }) => machine === second.name)?.pxe, 'no answer');
  });

  test('a reboot by the system itself is no power cycle and starts a new boot', async () => {
    await lab.reset(second.name);
    const bootId = second.bootId();
    await client.ssh(second.name, 'systemctl reboot');
    await until(
      'it has another boot id',
      () => second.phase() === 'disk' && ![undefined, bootId].includes(second.bootId()),
    );
    await until('its sshd is up', () => client.sshAnswers(second));
    assert.equal(second.powerCycles(), 0);
  });

  test('power cut during an installation breaks a machine until another installation ends', async () => {
    assert.equal((await client.writeSnippet(third, 'trixie', 'cafe02')).code, 0);
    await client.cycleIntoNetwork(third);
    await until('the disk is wiped', () => third.phase() === 'installer' && third.broken());
    await client.ipmi(third, 'power', 'cycle');
    await until('it finds no system', () => third.phase() === 'no boot device');
    assert.equal((await client.ipmi(third, 'power', 'status')).output, 'Chassis Power is on');
    assert.notEqual((await client.ssh(third.name, 'true')).code, 0);

    await client.cycleIntoNetwork(third);
    await until('the new system runs', () => third.os() === 'trixie');
    assert.deepEqual([third.broken(), third.powerCycles(), lab.proof(third.name)?.token], [false, 3, 'cafe02']);
    await lab.reset(third.name);
  });

  test('an unknown operating system leaves the machine in a failed installer, its disk wiped', async () => {
    assert.equal((await client.writeSnippet(third, 'woody', 'cafe03')).code, 0);
    await client.cycleIntoNetwork(third);
    await until('the installer fails', () => third.consoleLog().includes("FAILED: no image of 'woody'"));
    assert.deepEqual([third.broken(), third.phase(), lab.proof(third.name)], [true, 'installer', undefined]);
    await lab.reset(third.name);
  });

  test('soft power-off ends the system, power on starts it, reset counts as a cycle', async () => {
    await lab.reset(second.name);
    await client.ipmi(second, 'power', 'soft');
    await until(
      'it is off',
      async () => (await client.ipmi(second, 'power', 'status')).output === 'Chassis Power is off',
    );
    assert.equal(second.powerCycles(), 0);
    await client.ipmi(second, 'power', 'on');
    await until('it is back', () => client.sshAnswers(second));
    assert.equal(second.powerCycles(), 0);
    await client.ipmi(second, 'power', 'reset');
    assert.equal(second.powerCycles(), 1);
    await until('it is back', () => client.sshAnswers(second));
    assert.deepEqual(
      second.bmcLog().map(({ command }) => command),
      ['power soft', 'power on', 'power reset'],
    );
  });
});
