import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { attempt, until } from '../lab/client.ts';
import { Lab } from '../lab/lab.ts';
import { whyNoLab } from '../lab/programs.ts';

suite('the life of a lab', { skip: whyNoLab() ?? false }, () => {
  /** Everything by which a lab could be noticed on this machine. */
  async function traces(name: string): Promise<string[]> {
    const found = await Promise.all([
      attempt('ip', ['netns']),
      attempt('ip', ['-o', 'link']),
      attempt('cat', ['/proc/self/mounts']),
      attempt('ps', ['-eo', 'pid,stat,args']),
      attempt('find', ['/sys/fs/cgroup', '/run/sumac-lab', '-name', `*${name}*`]),
    ]);
    const lines = found.flatMap(({ output }) => output.split('\n'));
    return lines.filter((line) => line.includes(name) && !/ Zs? |ps -eo|find \/sys/.test(line));
  }

  /** Processes that share a network namespace with the lab's machines or belong to its supervisor. */
  async function pidsOf(name: string): Promise<string[]> {
    const namespaces = (await attempt('ip', ['netns'])).output.split('\n').map((line) => line.split(' ')[0] ?? '');
    const own = namespaces.filter((namespace) => namespace.startsWith(`sumac-${name}-`));
    const pids = await Promise.all(own.map((namespace) => attempt('ip', ['netns', 'pids', namespace])));
    return pids.flatMap(({ output }) => output.split('\n')).filter(Boolean);
  }
  const isGone = (pid: string) =>
    !existsSync(`/proc/${pid}`) || /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

  async function ownedLab(name: string): Promise<ChildProcess> {
    const code = `import { Lab } from ${JSON.stringify(join(import.meta.dirname, '../lab/lab.ts'))};
    await Lab.up({ machines: 1, name: '${name}' }); console.log('up'); setInterval(() => undefined, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(owner.stdout, 'data');
    return owner;
  }

  test('an etcd cluster takes a member and is reset to three', async () => {
    const other = await Lab.up({ machines: 0, etcdMembers: 3 });
    try {
      const founders = await other.etcd?.members();
      assert.equal(founders?.length, 3);
      const spare = other.machine(other.config.etcd.spare ?? '');
      await other
        .machine('tools-etcd-1')
        .console(`etcdctl member add ${spare.name} --peer-urls=http://${spare.name}:2380`);
      await spare.console('systemctl start etcd');
      await until(
        'it has joined',
        async () => (await other.etcd?.members())?.some(({ name }) => name === spare.name) ?? false,
      );
      await other.etcd?.reset();
      assert.deepEqual(await other.etcd?.members(), founders);
      await other.machine('tools-etcd-2').console('systemctl stop etcd; rm -rf /var/lib/etcd/default');
      await other.etcd?.reset();
      assert.deepEqual(await other.etcd?.members(), founders);
    } finally {
      await other.down();
    }
  });

  test('down leaves nothing behind', async () => {
    const other = await Lab.up({ machines: 2 });
    const pids = await pidsOf(other.name);
    assert.ok(pids.length > 10 && (await traces(other.name)).length > 5);
    await other.down();
    assert.deepEqual(await traces(other.name), []);
    assert.deepEqual(
      pids.filter((pid) => !isGone(pid)),
      [],
    );
    assert.equal(existsSync(other.dir), false);
  });

  test('a lab whose owner is killed ends by itself', async () => {
    const name = `o${process.pid}`;
    const owner = await ownedLab(name);
    const pids = await pidsOf(name);
    owner.kill('SIGKILL');
    await until('it is gone', async () => (await traces(name)).length === 0);
    assert.deepEqual(
      pids.filter((pid) => !isGone(pid)),
      [],
    );
  });

  test('a lab whose every process is killed is removed by the next one', async () => {
    const name = `k${process.pid}`;
    const owner = await ownedLab(name);
    const supervisor = (JSON.parse(readFileSync(`/run/sumac-lab/${name}/supervisor.json`, 'utf8')) as { pid: number })
      .pid;
    process.kill(supervisor, 'SIGKILL');
    owner.kill('SIGKILL');
    await until('its machines have lost power', async () => (await pidsOf(name)).length === 0);
    assert.ok((await traces(name)).length > 0);
    const next = await Lab.up({ machines: 0 });
    const left = await traces(name);
    await next.down();
    assert.deepEqual(left, []);
  });
});
