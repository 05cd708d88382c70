import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Call } from '../../../activities/define.ts';
import { remote as activities } from '../../../activities/remote.ts';
import { isOpsError } from '../../../src/model/errors.ts';
import { RemoteExecutionError } from '../../../src/model/execution.ts';
import type { HostCommand, HostResult } from '../../../src/model/remote-result.ts';
import { unpackResults } from '../../../src/model/slice-result.ts';
import { Remote } from '../../../src/remote/remote.ts';
import type { SliceInput } from '../../../src/remote/slice.ts';
import { callOf } from '../../support/call.ts';
import { startSshLab, type SshLab } from '../../support/sshd.ts';
import { waitFor } from '../../support/wait-for.ts';

let lab: SshLab;
let remote: Remote;
const hosts = ['web1', 'web2', 'web3'];

before(async () => {
  lab = await startSshLab(hosts);
  remote = new Remote(lab.config);
});
after(async () => {
  await remote.close();
  await lab.close();
});

const file = (name: string) => join(lab.dir, name);
const lines = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8').trim().split('\n') : []);
const hasCode =
  (kind: string, code: string, message = /./) =>
  (error: unknown) => {
    assert.ok(isOpsError(error), String(error));
    assert.deepEqual([error.kind, error.code], [kind, code], error.message);
    assert.match(error.message, message);
    return true;
  };

/** A call whose last heartbeat the next attempt finds. */
const attempts = (token: string) => {
  let details: unknown;
  let attempt = 0;
  return {
    details: () => details as undefined | { done: number; failed: number; running: number; waitingFor?: string },
    next: (overrides: Partial<Call> = {}) =>
      callOf(
        { config: lab.config, remote },
        {
          token: `sre.test/run 1/${token}`,
          run: 'sre.test/run 1',
          attempt: ++attempt,
          resumed: structuredClone(details),
          heartbeat: (value) => (details = value),
          ...overrides,
        },
      ),
  };
};
const runSync = (input: SliceInput, call: Call) =>
  activities['remote.runSync'].run(input, call).then((result) => unpackResults(input.hosts, input.commands, result));
const runSafe = (input: SliceInput, call: Call) =>
  activities['remote.runSyncSafe']
    .run(input, call)
    .then((result) => unpackResults(input.hosts, input.commands, result));

const errorOf = (hosts: string[], commands: HostCommand[], results: HostResult[]) =>
  new RemoteExecutionError({ mode: 'sync', hosts, commands, results, successThreshold: 1 });

test('a query gives hosts in order, with the queues of their sites', async () => {
  const config = lab.configWith(
    {},
    {
      sites: {
        east: { hosts: 'web2,db*.east' },
        south: { hosts: 'web3', task_queue: 'far' },
        here: { hosts: 'web1', task_queue: 'sumac' },
      },
    },
  );
  const call = callOf({ config, remote });
  assert.deepEqual(await activities['remote.query'].run({ expression: ' D{web[1-3]} ' }, call), {
    hosts: [{ name: 'web1' }, { name: 'web2', site: 'sumac-east' }, { name: 'web3', site: 'far' }],
    folded: 'web[1-3]',
    sliceSize: 1000,
  });
});

test('a query names every host nobody knows, and points at mistakes', async () => {
  const call = callOf({ config: lab.config, remote });
  await assert.rejects(
    activities['remote.query'].run({ expression: 'web1,nowhere[1-2].invalid' }, call),
    hasCode('usage', 'HOST_UNKNOWN', /^unknown hosts nowhere\[1-2\]\.invalid: /),
  );
  await assert.rejects(
    activities['remote.query'].run({ expression: 'web[3-1]' }, call),
    hasCode('usage', 'HOSTS_INVALID'),
  );
});

test('a query that gives no host, or more than allowed, is refused', async () => {
  const config = lab.configWith({}, { max_hosts: 2 });
  const query = (input: { expression: string; allowEmpty?: boolean; maxHosts?: number }, maxHosts?: number) => {
    const call = callOf({ config, remote });
    const context = { ...call.context, ...(maxHosts !== undefined && { maxHosts }) };
    return activities['remote.query'].run(input, { ...call, context });
  };
  const none = { expression: 'web1 and web2' };
  await assert.rejects(
    query(none),
    hasCode('usage', 'QUERY_EMPTY', /^No hosts found that matches the query 'web1 and web2'$/),
  );
  assert.deepEqual(await query({ ...none, allowEmpty: true }), { hosts: [], folded: '', sliceSize: 1000 });
  const all = { expression: 'web[1-3]' };
  const tooMany = hasCode('usage', 'TOO_MANY_HOSTS', /^3 hosts match .* at most 2 are allowed: .* with --max-hosts 3$/);
  await assert.rejects(query(all), tooMany);
  assert.equal((await query(all, 3)).folded, 'web[1-3]', 'the operator may allow more');
  await assert.rejects(query({ ...all, maxHosts: 2 }, 3), tooMany, 'a cookbook only fewer');
  await assert.rejects(query({ expression: 'web[1-9000000]' }), hasCode('usage', 'TOO_MANY_HOSTS'));
  await assert.rejects(query({ expression: 'web1 or' }), hasCode('usage', 'QUERY_INVALID', /at character 8/));
});

test('commands run one by one over all hosts, with exit statuses and outputs by host', async () => {
  const commands = [
    { command: `echo $SSH_CONNECTION | cut -d' ' -f4` },
    { command: 'echo same; exit 3', okCodes: [3] },
  ];
  const results = await runSync({ hosts, commands }, attempts('plain').next());
  assert.deepEqual(
    results.map(({ host, command, exitCode, output, ok }) => [host, command, exitCode, output, ok]),
    [
      ...hosts.map((host) => [host, commands[0]?.command, 0, `${lab.host(host).port}\n`, true]),
      ...hosts.map((host) => [host, commands[1]?.command, 3, 'same\n', true]),
    ],
  );
});

test('a command that fails on a host is data, and keeps the next one from running anywhere', async () => {
  const command = `test $HOME != ${join(lab.dir, 'web2')} || { echo broken; exit 9; }`;
  const commands = [{ command }, { command: `echo x >>${file('next')}` }];
  const results = await runSync({ hosts, commands }, attempts('fails').next());
  assert.deepEqual(
    results.map(({ host, exitCode, ok }) => [host, exitCode, ok]),
    [
      ['web1', 0, true],
      ['web2', 9, false],
      ['web3', 0, true],
    ],
  );
  assert.deepEqual(lines('next'), []);
  const error = errorOf(hosts, commands, results);
  assert.match(error.message, /failed on 1 of 3 hosts: web2: exit status 9: broken$/);
  assert.deepEqual([error.kind, error.hosts], ['failed', ['web2']]);
  const any = await runSync({ hosts, commands: [{ command, okCodes: [] }] }, attempts('any').next());
  assert.ok(any.every(({ ok }) => ok));
});

test('an attempt after a dead worker fetches what is done and goes on with the rest, each host once', async () => {
  const commands = [
    { command: `echo $HOME >>${file('rest')}; sleep 1.2; echo $HOME` },
    { command: `echo 2 >>${file('rest2')}` },
  ];
  const { next, details } = attempts('rest');
  const controller = new AbortController();
  const first = runSync({ hosts, commands }, next({ signal: controller.signal }));
  await waitFor(() => lines('rest').length === 3 && details()?.running === 3);
  controller.abort(new Error('WORKER_SHUTDOWN'));
  await assert.rejects(first, { message: 'WORKER_SHUTDOWN' });
  const results = await runSync({ hosts, commands }, next());
  assert.deepEqual(
    results.slice(0, 3).map(({ output }) => output),
    hosts.map((host) => `${join(lab.dir, host)}\n`),
  );
  assert.deepEqual([lines('rest').length, lines('rest2').length], [3, 3]);
  assert.equal(details()?.done, 3);
  assert.deepEqual(
    (await runSync({ hosts, commands }, next())).map(({ exitCode }) => exitCode),
    Array(6).fill(0),
  );
  assert.deepEqual([lines('rest').length, lines('rest2').length], [3, 3]);
});

test('a host that is away is waited for, while the others are done', async () => {
  const commands = [{ command: `echo x >>${file('away')}` }];
  const { next, details } = attempts('away');
  await lab.host('web2').kill();
  const running = runSync({ hosts, commands }, next());
  await waitFor(() => details()?.done === 2 && /^web2 .*ECONNREFUSED/.test(details()?.waitingFor ?? ''));
  await lab.host('web2').start();
  const results = await running;
  assert.deepEqual(
    results.map(({ ok }) => ok),
    [true, true, true],
  );
  assert.deepEqual(lines('away').length, 3);
  assert.deepEqual([details()?.done, details()?.waitingFor], [3, undefined]);
});

test('a host that stays away beyond the patience is reported as failed, and given up for good', async () => {
  const commands = [{ command: 'true' }];
  const { next } = attempts('patience');
  await lab.host('web2').kill();
  const input = { hosts, commands, patienceMs: 300 };
  const [web1, web2, web3] = await runSync(input, next());
  await lab.host('web2').start();
  assert.deepEqual([web1?.ok, web2?.ok, web3?.ok], [true, false, true]);
  assert.deepEqual([web2?.exitCode, web2?.error?.kind, web2?.error?.code], [null, 'failed', 'UNREACHABLE']);
  assert.match(web2?.error?.message ?? '', /ECONNREFUSED.*, tried for \d/);
  const again = await runSync(input, next());
  assert.deepEqual(
    again.map(({ ok, error }) => [ok, error?.code]),
    [
      [true, undefined],
      [false, 'NOT_STARTED'],
      [true, undefined],
    ],
  );
});

test('a host that went away with a command under way has an unknown outcome in the end', async () => {
  const commands = [{ command: `echo x >>${file('under-way')}; sleep 2` }];
  const input = { hosts: ['web2'], commands, patienceMs: 300 };
  const running = runSync(input, attempts('under-way').next());
  await waitFor(() => lines('under-way').length > 0);
  await lab.host('web2').kill();
  const [result] = await running;
  await lab.host('web2').start();
  assert.equal(result?.error?.kind, 'unknown');
  assert.equal(errorOf(['web2'], commands, [result]).kind, 'unknown');
});

test('cancelling ends the commands on all hosts, also where the connection was lost before', async () => {
  const commands = [{ command: `echo $HOME >>${file('cancel')}; exec sleep 86304` }];
  const controller = new AbortController();
  const running = runSync({ hosts, commands }, attempts('cancel').next({ signal: controller.signal }));
  await waitFor(() => lines('cancel').length === 3);
  await lab.host('web3').kill();
  await lab.host('web3').start();
  await sleep(100);
  controller.abort(new Error('CANCELLED'));
  await assert.rejects(running, { message: 'CANCELLED' });
  for (const host of hosts) {
    const { journal } = lab.host(host);
    const runs = readdirSync(journal).filter((name) => name.includes('_cancel-') && name.endsWith('.run'));
    assert.equal(runs.length, 1, host);
    assert.match(readFileSync(join(journal, runs[0] ?? ''), 'utf8'), /^end cancelled \d+\nexit 143 /m);
  }
});

test('what was cancelled between two attempts is ended from outside', async () => {
  const commands = [{ command: `echo x >>${file('between')}; exec sleep 86305` }, { command: 'true' }];
  const { next } = attempts('between');
  const controller = new AbortController();
  const input = { hosts, commands, id: 'one' };
  const running = runSync(input, next({ signal: controller.signal }));
  await waitFor(() => lines('between').length === 3);
  controller.abort(new Error('WORKER_SHUTDOWN'));
  await assert.rejects(running);
  const end = { hosts, id: 'one', commands: 2 };
  assert.deepEqual(await activities['remote.endCommands'].run(end, next()), { left: [], never: '' });
  const results = await runSync(input, next());
  assert.deepEqual(
    results.map(({ error }) => error?.code),
    ['COMMAND_ENDED', 'COMMAND_ENDED', 'COMMAND_ENDED'],
  );
  await lab.host('web2').kill();
  const { left, never } = await activities['remote.endCommands'].run({ ...end, id: 'never begun' }, next());
  await lab.host('web2').start();
  assert.match(left.join('; '), /^web2: .*ECONNREFUSED[^;]*$/);
  assert.equal(never, 'web[1,3]');
});

test('a host rebooted under its command is reported, the others are not', async () => {
  const commands = [{ command: `echo x >>${file('reboot')}; sleep 1` }];
  const running = runSync({ hosts, commands }, attempts('reboot').next());
  await waitFor(() => lines('reboot').length === 3);
  await lab.host('web1').kill();
  lab.host('web1').newBootId();
  await lab.host('web1').start();
  const results = await running;
  assert.deepEqual(
    results.map(({ ok, error }) => [ok, error?.kind, error?.code]),
    [
      // It had ended by then, or it had not.
      ...(results[0]?.ok === true ? [[true, undefined, undefined]] : [[false, 'unknown', 'REBOOTED_MEANWHILE']]),
      [true, undefined, undefined],
      [true, undefined, undefined],
    ],
  );
  assert.equal(lines('reboot').length, 3);
});

test('the whole output is in a file of the run, the result holds its head and tail', async () => {
  const command = 'seq 1 200000';
  const [result] = await runSync({ hosts: ['web1'], commands: [{ command }] }, attempts('long output').next());
  assert.match(result?.output ?? '', /^1\n2\n[^]*\n\[\.\.\. \d+ bytes left out \.\.\.\]\n[^]*200000\n$/);
  assert.ok(Buffer.byteLength(result?.output ?? '') < 33_000);
  const log = join(lab.config.state_dir, 'outputs/sre.test_run_1/long_output/web1.log');
  const text = readFileSync(log, 'utf8');
  assert.ok(text.startsWith(`$ ${command}\n1\n2\n`) && text.endsWith('\n200000\n'));
  assert.equal(text.split('\n').length, 200_002);
  assert.equal(statSync(log).mode & 0o077, 0);
});

test('a host that prints a gigabyte costs no memory', async () => {
  const command = 'head -c 1073741824 /dev/zero';
  const log = join(lab.config.state_dir, 'outputs/sre.test_run_1/gigabyte/web1.log');
  const before = process.memoryUsage().rss;
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20);
  const [result] = await runSafe({ hosts: ['web1'], commands: [{ command }] }, attempts('gigabyte').next());
  clearInterval(watch);
  assert.deepEqual([result?.exitCode, statSync(log).size], [0, 1073741824 + command.length + 3]);
  assert.ok((result?.truncatedBytes ?? 0) > 1073741824 - 33_000);
  assert.ok(most - before < 150 * 1024 * 1024, `${Math.round((most - before) / 1048576)} MiB more`);
  rmSync(log);
});

test('boot id and operating system are read, and a reboot is seen by its boot id', async () => {
  const call = () => callOf({ config: lab.config, remote });
  const host = lab.host('web1');
  const bootId = await activities['remote.bootId'].run({ host: 'web1' }, call());
  assert.match(bootId, /^[0-9a-f-]{36}$/);
  const codename = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  assert.equal(await activities['remote.osCodename'].run({ host: 'web1' }, call()), codename);
  const rebooted = () => activities['remote.rebooted'].run({ host: 'web1', bootId }, call());
  await assert.rejects(
    rebooted(),
    hasCode('not-yet', 'NOT_REBOOTED_YET', new RegExp(`still runs with the boot id ${bootId}`)),
  );
  await host.kill();
  await assert.rejects(rebooted(), hasCode('not-yet', 'UNREACHABLE', /ECONNREFUSED/));
  host.newBootId();
  await host.start();
  const boot = await rebooted();
  assert.notEqual(boot.bootId, bootId);
  assert.ok(boot.uptimeSeconds > 0);
  const since = (passedMs: number) => activities['remote.rebootedSince'].run({ hosts, passedMs }, call());
  for (const passed of [1000, Number.NaN])
    await assert.rejects(since(passed), hasCode('not-yet', 'NOT_REBOOTED_YET', /^web1 has been up for/));
  await since(boot.uptimeSeconds * 1000 + 60_000);
});

test('a reboot that takes the connection along has succeeded, one that is refused has not, one with the host gone is for the probe', async () => {
  const host = lab.host('web3');
  const bin = join(lab.dir, 'web3', 'bin');
  const rebootHost = join(bin, 'reboot-host');
  mkdirSync(bin);
  writeFileSync(join(lab.dir, 'web3', '.bashrc'), `export PATH=${bin}:$PATH\n`);
  const install = (script: string) => {
    writeFileSync(rebootHost, `#!/bin/sh\n${script}\n`);
    chmodSync(rebootHost, 0o755);
  };
  install(`echo x >>${file('rebooted')}; kill -9 $(ps -o ppid= -p $(ps -o sid= -p $$)); sleep 1`);
  // A shell that is kept there knows nothing of it.
  remote.forget('web3');
  // Without it the next line would reboot this machine.
  assert.equal(await remote.text('web3', 'command -v reboot-host'), `${rebootHost}\n`);
  const reboot = (token: string) =>
    activities['remote.reboot'].run({ host: 'web3' }, callOf({ config: lab.config, remote }, { token }));
  await reboot('reboot 1');
  assert.deepEqual(lines('rebooted'), ['x']);
  install('echo no; exit 4');
  await assert.rejects(
    reboot('reboot 2'),
    hasCode('failed', 'REBOOT_REFUSED', /web3 refuses to reboot \(exit status 4\): no$/),
  );
  install(
    `echo x >>${file('rebooted')}; kill -9 $(cat ${join(lab.dir, 'web3', 'pid')}) $(ps -o ppid= -p $(ps -o sid= -p $$))`,
  );
  await assert.rejects(reboot('reboot 3'), hasCode('unknown', 'REBOOT_OUTCOME_UNKNOWN', /web3.*may be going down/));
  assert.deepEqual(lines('rebooted'), ['x', 'x']);
  await host.kill();
  await assert.rejects(reboot('reboot 4'), hasCode('transient', 'UNREACHABLE'));
  await host.start();
});
