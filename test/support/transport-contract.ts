import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Config } from '../../src/config/schema.ts';
import { OpsError } from '../../src/model/errors.ts';
import type { Exit, Job } from '../../src/remote/serve.ts';
import { fails } from './fails.ts';
import { type SshLab, startSshLab } from './sshd.ts';
import { startProxy } from './tcp-proxy.ts';

/** What a transport does: commands on hosts, over connections that it makes and keeps as it likes. */
export interface Transport {
  exec(host: string, job: Job): Promise<Exit>;
  close(): Promise<void>;
}

/** A job that takes in what a command prints. */
export function jobOf(command: string, rest: Partial<Job> = {}): Job & { output: () => string } {
  const chunks: Buffer[] = [];
  return {
    command,
    signal: new AbortController().signal,
    onNotes: () => undefined,
    onOutput: (chunk) => void chunks.push(chunk),
    output: () => Buffer.concat(chunks).toString(),
    ...rest,
  };
}

/** Does something when output comes. */
const at = (act: () => unknown) => () => {
  act();
  return undefined;
};

/** Tests that every transport passes, against real sshd: what it promises whatever the network and the hosts do. */
export function transportContract(make: (config: Config) => Transport): void {
  let lab: SshLab;
  let single: SshLab;
  let double: SshLab;
  const open: { close(): Promise<void> }[] = [];
  const transport = (config: Config): Transport => {
    const made = make(config);
    open.push(made);
    return made;
  };
  /** A proxy before a host, and a configuration in which `far` is the host behind it. */
  async function behindProxy(ssh: object = {}) {
    const proxy = await startProxy(lab.host('alpha').port);
    open.push(proxy);
    const config_file = join(lab.dir, `far-${proxy.port}`);
    writeFileSync(config_file, `Host far\n  HostName 127.0.0.1\n  Port ${proxy.port}\n`);
    const known = join(lab.dir, `known-${proxy.port}`);
    writeFileSync(known, `127.0.0.1 ${lab.host('alpha').hostKey()}\n`);
    return { proxy, config: lab.configWith({ config_file, known_hosts: [known], ...ssh }) };
  }
  const text = async (remote: Transport, host: string, command: string, rest: Partial<Job> = {}): Promise<string> => {
    const job = jobOf(command, rest);
    assert.deepEqual(await remote.exec(host, job), { code: 0 }, command);
    return job.output();
  };

  before(async () => {
    lab = await startSshLab(['alpha', 'beta'], ['RekeyLimit 1M', 'LogLevel DEBUG1']);
    single = await startSshLab(['single'], ['MaxSessions 1']);
    double = await startSshLab(['double'], ['MaxSessions 2']);
  });
  after(async () => {
    await Promise.all(open.map((each) => each.close()));
    await Promise.all([lab, single, double].map((each) => each.close()));
  });

  test('output, notes and exit status are those of the command', async () => {
    const remote = transport(lab.config);
    let notes = '';
    const job = jobOf('cat; echo why >&2; exit 9', { stdin: 'in', onNotes: (said) => (notes += said) });
    assert.deepEqual(await remote.exec('alpha', job), { code: 9 });
    assert.deepEqual([job.output(), notes], ['in', 'why\n']);
  });

  test('a command that a signal ends says which', async () => {
    const remote = transport(lab.config);
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGSEGV'])
      assert.deepEqual(await remote.exec('alpha', jobOf(`kill -${signal.slice(3)} $$`)), { code: null, signal });
    assert.deepEqual(await remote.exec('alpha', jobOf('exit 137')), { code: 137 });
  });

  test('a command whose caller gives up rejects with the reason at once, and the next one goes on', async () => {
    const remote = transport(lab.config);
    const controller = new AbortController();
    const reason = new Error('time is up');
    const running = remote.exec(
      'alpha',
      jobOf('echo started; sleep 300', { signal: controller.signal, onOutput: at(() => controller.abort(reason)) }),
    );
    await assert.rejects(running, reason);
    assert.equal(await text(remote, 'alpha', 'echo next'), 'next\n');
    await assert.rejects(remote.exec('alpha', jobOf('true', { signal: AbortSignal.abort(reason) })), reason);
  });

  test('a host that takes the connection and says nothing is unreachable after the connect time-out', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const config_file = join(lab.dir, 'silent');
    writeFileSync(config_file, `Host silent\n  HostName 127.0.0.1\n  Port ${port}\n  ConnectTimeout 1\n`);
    const remote = transport(lab.configWith({ config_file, connect_timeout_seconds: 500 }));
    await fails(remote.exec('silent', jobOf('true')), 'transient', 'UNREACHABLE', /^silent /);
    silent.close();
  });

  test('a connection cut at any byte never hangs, and an error that may be retried means that nothing was started', async () => {
    const ran = join(lab.dir, 'ran');
    const kinds = new Set<string>();
    for (let bytes = 0; bytes < 6000; bytes += bytes < 1400 ? 700 : 160) {
      const { proxy, config } = await behindProxy({ connect_timeout_seconds: 30 });
      proxy.cutAfter(bytes);
      rmSync(ran, { force: true });
      const outcome = await transport(config)
        .exec('far', jobOf(`echo x >>${ran}; head -c 4000 /dev/zero`))
        .catch((error: unknown) => error);
      if (!(outcome instanceof Error)) {
        assert.deepEqual(outcome, { code: 0 });
        kinds.add('passed');
        break;
      }
      assert.ok(outcome instanceof OpsError, String(outcome));
      kinds.add(outcome.kind);
      if (outcome.kind === 'transient')
        assert.ok(!existsSync(ran), `${outcome.message} after ${bytes} bytes, and it ran`);
      else assert.deepEqual([outcome.kind, outcome.code], ['unknown', 'CONNECTION_LOST'], `after ${bytes} bytes`);
    }
    assert.ok(kinds.has('transient') && kinds.has('unknown'), [...kinds].join());
  });

  test('a host that drops newcomers, as sshd does when it has too many, is asked again', async () => {
    const { proxy, config } = await behindProxy();
    proxy.cutAfter(0, 3);
    assert.equal(await text(transport(config), 'far', 'echo in'), 'in\n');
    assert.equal(proxy.connections(), 4);
  });

  test('a connection cut between two commands is replaced, and the second one runs once', async () => {
    const { proxy, config } = await behindProxy();
    const remote = transport(config);
    assert.equal(await text(remote, 'far', 'echo one'), 'one\n');
    proxy.cut();
    const ran = join(lab.dir, 'second');
    assert.equal(await text(remote, 'far', `echo x >>${ran}; echo two`), 'two\n');
    assert.equal(readFileSync(ran, 'utf8'), 'x\n');
    assert.equal(proxy.connections(), 2);
  });

  test('a connection that goes silent under a command is given up by keep-alive, its outcome unknown', async () => {
    const { proxy, config } = await behindProxy({ keepalive_seconds: 0.5 });
    const remote = transport(config);
    const running = remote.exec('far', jobOf('echo started; sleep 300', { onOutput: at(() => proxy.freeze(true)) }));
    await fails(running, 'unknown', 'CONNECTION_LOST', /^far: the connection was lost/);
    proxy.freeze(false);
    assert.equal(await text(remote, 'far', 'echo back'), 'back\n');
  });

  test('a silent command on a living connection is not given up', async () => {
    const { config } = await behindProxy({ keepalive_seconds: 0.2 });
    assert.equal(await text(transport(config), 'far', 'sleep 3; echo done'), 'done\n');
  });

  test('keys are exchanged anew under a command, in both directions, and no byte is lost', async () => {
    const remote = transport(lab.config);
    const stdin = Buffer.alloc(8 << 20, 'sumac');
    const sum = createHash('sha256').update(stdin).digest('hex');
    const hash = createHash('sha256');
    const job = jobOf('cat', { stdin, onOutput: (chunk) => void hash.update(chunk) });
    assert.deepEqual(await remote.exec('beta', job), { code: 0 });
    assert.equal(hash.digest('hex'), sum);
    assert.ok([...lab.host('beta').log().matchAll(/rekey/gi)].length > 2, 'sshd has asked for new keys');
  });

  test('a host that allows one or two sessions a connection serves many commands at once', async () => {
    for (const small of [single, double]) {
      const remote = transport(small.config);
      const [host] = small.hosts;
      const all = Array.from({ length: 8 }, (_, i) => text(remote, host?.name ?? '', `sleep 0.2; echo ${i}`));
      assert.deepEqual(
        await Promise.all(all),
        all.map((_, i) => `${i}\n`),
      );
    }
  });

  test('a host that shows another key than the listed one gets no command', async () => {
    const host = double.host('double');
    await host.kill();
    host.newHostKey();
    await host.start();
    const ran = join(lab.dir, 'stranger');
    const remote = transport(double.config);
    await fails(remote.exec('double', jobOf(`touch ${ran}`)), 'failed', 'HOST_KEY_MISMATCH', /^double shows/);
    assert.ok(!existsSync(ran));
  });

  test('closing ends what is under way', async () => {
    const remote = transport(lab.config);
    const running = remote.exec('alpha', jobOf('echo started; sleep 300', { onOutput: at(() => remote.close()) }));
    await fails(running, 'unknown', 'CONNECTION_LOST', /^alpha: /);
  });
}
