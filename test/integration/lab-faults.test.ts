import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LabClient, until } from '../lab/client.ts';
import { Lab } from '../lab/lab.ts';
import { whyNoLab } from '../lab/programs.ts';
import type { LabMachine } from '../lab/machine.ts';

suite('faults of the lab', { skip: whyNoLab() ?? false }, () => {
  let lab: Lab;
  let client: LabClient;
  let first: LabMachine;
  let second: LabMachine;

  before(async () => {
    lab = await Lab.up({ machines: 2, installSeconds: 3 });
    client = new LabClient(lab);
    [first, second] = lab.machines as [LabMachine, LabMachine];
  });
  after(async () => {
    await lab.down();
  });

  test('a broken snippet is refused and the old configuration stays in service', async () => {
    assert.equal((await client.writeSnippet(first, 'trixie', 'cafe04')).code, 0);
    const file = '/etc/dhcp/automation/ttyS1-115200/broken.conf';
    const refused = await client.ssh(
      lab.installServer.name,
      `echo 'host broken {' >${file}; /usr/local/sbin/dhcpincludes -r commit`,
    );
    assert.equal(refused.code, 1);
    assert.match(refused.output, /broken\.conf line \d: unexpected end of file[^]*the old one stays in service/);
    await client.cycleIntoNetwork(first);
    await until('dhcpd still answers', () => first.os() === 'lab-installer');
    await client.ssh(lab.installServer.name, `rm ${file}`);
    await lab.dhcpRefreshFails(true);
    assert.match((await client.ssh(lab.installServer.name, 'dhcpincludes -r commit')).output, /Input\/output error/);
    await lab.dhcpRefreshFails(false);
    await lab.reset(first.name);
    assert.deepEqual(lab.snippets(), {});
  });

  test('an installer that hangs goes on when it is let', async () => {
    await lab.installerHangs(first.name, true);
    assert.equal((await client.writeSnippet(first, 'trixie', 'cafe05')).code, 0);
    await client.cycleIntoNetwork(first);
    await until('the installer runs', () => first.os() === 'lab-installer');
    await sleep(4500);
    assert.equal(first.phase(), 'installer');
    await lab.installerHangs(first.name, false);
    await until('the new system runs', () => first.os() === 'trixie');
    await lab.reset(first.name);
  });

  test('connections are dropped, machines frozen, cables pulled, logins refused', async () => {
    const before = second.snapshot();
    const session = client.ssh(second.name, 'echo started; sleep 20');
    await until('the session is there', async () =>
      (await second.console('cat /proc/[0-9]*/comm 2>/dev/null || true')).includes('sleep'),
    );
    await lab.dropConnections(second.name);
    assert.equal((await session).code, 255);
    assert.equal((await client.ssh(second.name, 'true')).code, 0);

    await lab.freeze(second.name, true);
    assert.equal((await client.ssh(second.name, 'true')).code, 255);
    await lab.freeze(second.name, false);
    await until('it is thawed', async () => (await client.ssh(second.name, 'true')).code === 0);

    await lab.net(second.name, 'down');
    assert.equal((await client.ssh(second.name, 'true')).code, 255);
    await lab.net(second.name, 'up');
    await until('the cable is back', async () => (await client.ssh(second.name, 'true')).code === 0);

    await lab.refuseLogins(second.name, 2);
    assert.match((await client.ssh(second.name, 'true')).output, /refused/);
    await until('logins are taken again', async () => (await client.ssh(second.name, 'true')).code === 0);
    assert.deepEqual(second.snapshot(), before);
  });

  test('a silent BMC times out', async () => {
    await lab.bmcSilent(second.name, true);
    assert.match((await client.ipmi(second, 'power', 'status')).output, /Unable to establish/);
    await lab.bmcSilent(second.name, false);
    await until('it answers', async () => (await client.ipmi(second, 'power', 'status')).code === 0);
  });

  test('the relay keeps each message', async () => {
    const { host, port } = lab.config.sal;
    for (const message of ['START - one', 'END - two']) {
      const socket = connect(port, host);
      socket.end(message);
      await once(socket, 'close');
    }
    await until('both are there', () => lab.sal().length === 2);
    assert.deepEqual(lab.sal(), ['START - one', 'END - two']);
  });
});
