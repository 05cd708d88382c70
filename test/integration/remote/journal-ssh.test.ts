import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isOpsError } from '../../../src/model/errors.ts';
import { Remote } from '../../../src/remote/remote.ts';
import { nap } from '../../support/nap.ts';
import { startSshLab, type SshLab } from '../../support/sshd.ts';
import { waitFor } from '../../support/wait-for.ts';

let lab: SshLab;
let remote: Remote;

before(async () => {
  lab = await startSshLab(['alpha', 'beta']);
  remote = new Remote(lab.config);
});
after(async () => {
  await remote.close();
  await lab.close();
});

const file = (name: string) => join(lab.dir, name);
const lines = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8').trim().split('\n') : []);
const processes = () => execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
/** Whether this is a process, and not only part of the command line of the shell that is about to start it. */
const runs = (command: string) => processes().split('\n').includes(command);
const code = (wanted: string) => (error: unknown) => isOpsError(error) && error.code === wanted;

test('a worker killed in the middle of a command: the next attempt attaches, and it ran once', async () => {
  const command = `echo x >>${file('killed')}; echo one; sleep 2; echo two; exit 6`;
  const script = `
    import { Remote } from ${JSON.stringify(new URL('../../../src/remote/remote.ts', import.meta.url).href)};
    const remote = new Remote(${JSON.stringify(lab.config)});
    await remote.runOnce('alpha', ${JSON.stringify(command)}, { token: 'killed' });`;
  const worker = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  const exited = once(worker, 'exit');
  await waitFor(() => lines('killed').length > 0);
  worker.kill('SIGKILL');
  assert.deepEqual(await exited, [null, 'SIGKILL']);
  const { exitCode, capture, durationMs } = await remote.runOnce('alpha', command, { token: 'killed' });
  assert.deepEqual([exitCode, capture.output(100).text], [6, 'one\ntwo\n']);
  assert.ok(durationMs >= 1900, `${durationMs}`);
  assert.deepEqual(lines('killed'), ['x']);
});

test('a connection lost in the middle of a command: the next attempt attaches', async () => {
  const command = `echo x >>${file('cut')}; sleep 1; echo done`;
  const first = assert.rejects(remote.runOnce('beta', command, { token: 'cut' }), (error) => {
    assert.ok(isOpsError(error));
    assert.deepEqual([error.kind, error.code], ['transient', 'CONNECTION_LOST']);
    return true;
  });
  await waitFor(() => lines('cut').length > 0);
  await lab.host('beta').kill();
  await first;
  await lab.host('beta').start();
  const { capture } = await remote.runOnce('beta', command, { token: 'cut' });
  assert.equal(capture.output(100).text, 'done\n');
  assert.deepEqual(lines('cut'), ['x']);
});

test('cancelling ends the command on the host, and no attempt begins it again', async () => {
  const controller = new AbortController();
  const reason = new Error('CANCELLED');
  const command = `echo x >>${file('cancel')}; (exec sleep ${nap(1)}); echo not reached`;
  const running = remote.runOnce('alpha', command, { token: 'cancel', signal: controller.signal });
  await waitFor(() => lines('cancel').length > 0 && runs(`sleep ${nap(1)}`));
  controller.abort(reason);
  await assert.rejects(running, reason);
  assert.ok(!runs(`sleep ${nap(1)}`));
  await assert.rejects(remote.runOnce('alpha', command, { token: 'cancel' }), code('COMMAND_ENDED'));
  assert.deepEqual(lines('cancel'), ['x']);
});

test('when only the worker shuts down the command goes on, and the next attempt attaches', async () => {
  for (const message of ['WORKER_SHUTDOWN', 'TIMED_OUT']) {
    const controller = new AbortController();
    const command = `echo x >>${file(message)}; while [ ! -e ${file(message)}.go ]; do sleep 0.1; done; echo went on`;
    const running = remote.runOnce('alpha', command, { token: message, signal: controller.signal });
    await waitFor(() => lines(message).length > 0);
    controller.abort(new Error(message));
    await assert.rejects(running, { message });
    writeFileSync(file(`${message}.go`), '');
    const { capture } = await remote.runOnce('alpha', command, { token: message });
    assert.equal(capture.output(100).text, 'went on\n');
    assert.deepEqual(lines(message), ['x']);
  }
});

test('a command whose time is up is ended, however often it is asked for; its time counts from its start', async () => {
  const command = `echo begun; exec sleep ${nap(2)}`;
  const options = { token: 'timeout', timeoutMs: 8000 };
  const controller = new AbortController();
  const first = remote.runOnce('alpha', command, { ...options, signal: controller.signal });
  await waitFor(() => runs(`sleep ${nap(2)}`));
  controller.abort(new Error('WORKER_SHUTDOWN'));
  await assert.rejects(first, { message: 'WORKER_SHUTDOWN' });
  await sleep(5000);
  const started = performance.now();
  await assert.rejects(remote.runOnce('alpha', command, options), (error) => {
    assert.ok(isOpsError(error));
    assert.deepEqual([error.kind, error.code], ['failed', 'COMMAND_TIMEOUT']);
    assert.match(error.message, /^alpha: 'echo begun; exec sleep \d+' had not ended after 8 s and was ended$/);
    return true;
  });
  assert.ok(performance.now() - started < 8000);
  assert.ok(!runs(`sleep ${nap(2)}`));
  await assert.rejects(remote.runOnce('alpha', command, options), code('COMMAND_TIMEOUT'));
});

test('ending a command does not wait for a channel, when commands that hang hold them all', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const all = Array.from({ length: 12 }, (_, i) =>
    remote.runOnce('beta', `echo x >>${file('hang')}; exec sleep ${nap(3)}`, { token: `hang${i}`, signal }),
  );
  const ended = Promise.all(all.map((each) => assert.rejects(each, { message: 'CANCELLED' })));
  await waitFor(() => lines('hang').length === 10);
  controller.abort(new Error('CANCELLED'));
  await ended;
  assert.ok(!runs(`sleep ${nap(3)}`));
  assert.equal(lines('hang').length, 10);
});

test('a command that cannot be ended because its host is away is said to still run', async () => {
  const controller = new AbortController();
  const running = remote.runOnce('beta', `echo x >>${file('away')}; sleep 3`, {
    token: 'away',
    signal: controller.signal,
  });
  await waitFor(() => lines('away').length > 0);
  const host = lab.host('beta');
  host.freeze(true);
  const stopped = host.kill();
  controller.abort(new Error('CANCELLED'));
  await assert.rejects(running, (error) => {
    assert.ok(isOpsError(error), String(error));
    // The connection may be seen to break before the end of the command is tried.
    assert.ok(['STILL_RUNNING', 'CONNECTION_LOST'].includes(error.code), error.message);
    return true;
  });
  await stopped;
  await host.start();
});

test('a host rebooted under a command: how it ended is unknown, and said so', async () => {
  const host = lab.host('beta');
  const command = `echo x >>${file('reboot')}; echo begun; sleep 3`;
  const lost = assert.rejects(remote.runOnce('beta', command, { token: 'reboot' }), code('CONNECTION_LOST'));
  await waitFor(() => lines('reboot').length > 0);
  await host.kill();
  await lost;
  host.newBootId();
  await host.start();
  await assert.rejects(remote.runOnce('beta', command, { token: 'reboot' }), (error) => {
    assert.ok(isOpsError(error));
    assert.deepEqual([error.kind, error.code], ['unknown', 'REBOOTED_MEANWHILE']);
    return true;
  });
  assert.deepEqual(lines('reboot'), ['x']);
});

test('standard input is in no list of processes, no journal and no log', async () => {
  const secret = 'correct horse battery staple';
  const running = remote.runOnce('alpha', `sleep 1; wc -c; echo ok`, { token: 'secret', stdin: secret });
  let shown = '';
  const watch = setInterval(() => {
    shown += processes();
  }, 80);
  const { capture } = await running.finally(() => {
    clearInterval(watch);
  });
  assert.equal(capture.output(100).text, `${secret.length}\nok\n`);
  assert.ok(shown.includes('sleep 1; wc -c') && !shown.includes(secret));
  const { journal } = lab.host('alpha');
  for (const name of readdirSync(journal))
    assert.ok(!readFileSync(join(journal, name), 'latin1').includes(secret), name);
  assert.ok(!lab.host('alpha').log().includes(secret));
});

test('twelve commands at once on one host, each once', async () => {
  const results = await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      remote.runOnce('alpha', `echo ${i} >>${file('twelve')}; sleep 0.2; echo ${i}`, { token: 'twelve', index: i }),
    ),
  );
  assert.deepEqual(
    results.map(({ capture }) => capture.output(10).text),
    results.map((_, i) => `${i}\n`),
  );
  assert.equal(lines('twelve').length, 12);
});

test('a token that another command had is refused, and nothing is started', async () => {
  const command = `echo x >>${file('reused')}`;
  await remote.runOnce('alpha', command, { token: 'reused' });
  await assert.rejects(remote.runOnce('alpha', `${command}; true`, { token: 'reused' }), (error) => {
    assert.ok(isOpsError(error));
    assert.deepEqual([error.kind, error.code], ['failed', 'TOKEN_REUSED']);
    assert.match(error.message, /^alpha: 'echo x .*; true' was not started: another command/);
    return true;
  });
  await remote.runOnce('alpha', command, { token: 'reused' });
  assert.deepEqual(lines('reused'), ['x']);
});

test('a service that a cancelled command has left behind is said to go on', async () => {
  const controller = new AbortController();
  const running = remote.runOnce(
    'alpha',
    `setsid sleep ${nap(7)} >/dev/null 2>&1 & echo x >>${file('service')}; sleep 60`,
    {
      token: 'service',
      signal: controller.signal,
    },
  );
  await waitFor(() => lines('service').length > 0 && runs(`sleep ${nap(7)}`));
  controller.abort(new Error('CANCELLED'));
  await assert.rejects(running, (error) => {
    assert.ok(isOpsError(error));
    assert.deepEqual([error.kind, error.code], ['unknown', 'STILL_RUNNING']);
    const [, pid] = /this goes on: (\d+):sleep$/.exec(error.message) ?? [];
    process.kill(Number(pid), 'SIGKILL');
    return true;
  });
});

test('the sshd is killed and starts again again and again under a command: it runs once and its output is whole', async () => {
  const host = lab.host('beta');
  const command = `echo x >>${file('again')}; for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done`;
  const attempt = async (): Promise<string> => {
    try {
      return (await remote.runOnce('beta', command, { token: 'again', sinceSeconds: () => 1 })).capture.output(100)
        .text;
    } catch (error) {
      assert.ok(isOpsError(error) && error.kind === 'transient', String(error));
      return attempt();
    }
  };
  const output = attempt();
  await waitFor(() => lines('again').length > 0);
  for (let times = 0; times < 3; times++) {
    await host.kill();
    await host.start();
    await sleep(300);
  }
  assert.equal(await output, '1\n2\n3\n4\n5\n6\n');
  assert.deepEqual(lines('again'), ['x']);
});
