import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Call } from '../../../activities/define.ts';
import { remote as activities } from '../../../activities/remote.ts';
import { unpackResults } from '../../../src/model/slice-result.ts';
import { Remote } from '../../../src/remote/remote.ts';
import type { SliceInput } from '../../../src/remote/slice.ts';
import { callOf } from '../../support/call.ts';
import { startSshLab, type SshLab } from '../../support/sshd.ts';
import { waitFor } from '../../support/wait-for.ts';

let lab: SshLab;
let remote: Remote;
const hosts = ['web1', 'web2', 'web3', 'web4', 'web5', 'web6'];

before(async () => {
  lab = await startSshLab(hosts);
  remote = new Remote(lab.config);
});
after(async () => {
  await remote.close();
  await lab.close();
});

/** Seconds that tell this test's commands from any other's. */
const nap = 3_000_000 + process.pid;
const file = (name: string) => join(lab.dir, name);
/** Which host wrote what, in the order in which it did. */
const lines = (name: string) =>
  existsSync(file(name))
    ? readFileSync(file(name), 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.replace(/\S+$/, (home) => basename(home)))
    : [];
/** A command that writes down where it ran. */
const note = (name: string, text = '') => `echo ${text} $HOME >>${file(name)}`;
/** A command that succeeds but on these hosts. */
const failsOn = (...bad: string[]) => `case $HOME in ${bad.map((host) => `*/${host}`).join('|')}) exit 3;; esac`;

const attempts = (token: string) => {
  const began = performance.now();
  const elapsed = () => performance.now() - began;
  let details: unknown;
  return {
    elapsed,
    details: () =>
      (details ?? { done: 0, failed: 0, running: 0, restsUntil: 0 }) as {
        done: number;
        failed: number;
        running: number;
        restsUntil: number;
      },
    next: (overrides: Partial<Call> = {}) =>
      callOf(
        { config: lab.config, remote },
        {
          token: `sre.test/run 1/${token}`,
          run: 'sre.test/run 1',
          elapsedMs: elapsed,
          resumed: structuredClone(details),
          heartbeat: (value) => (details = value),
          ...overrides,
        },
      ),
  };
};

const run = async (mode: 'sync' | 'async', input: SliceInput, call: Call) => {
  const packed = await activities[mode === 'sync' ? 'remote.runSync' : 'remote.runAsync'].run(input, call);
  const results = unpackResults(input.hosts, input.commands, packed);
  return {
    results,
    timeUp: packed.timeUp === true,
    /** `web1:0` for success, with `!` before what failed. */
    short: results.map(
      ({ host, index, ok, error }) => `${ok ? '' : '!'}${host}:${index}${error ? ` ${error.code}` : ''}`,
    ),
  };
};

/** Cut off as by a worker that shuts down, once something holds. */
const cutOff = async (
  mode: 'sync' | 'async',
  input: SliceInput,
  token: ReturnType<typeof attempts>,
  when: () => boolean,
) => {
  const controller = new AbortController();
  const ended = assert.rejects(run(mode, input, token.next({ signal: controller.signal })), {
    message: 'WORKER_SHUTDOWN',
  });
  await waitFor(when);
  controller.abort(new Error('WORKER_SHUTDOWN'));
  await ended;
};

test('a batch is a sliding window: never more hosts at a time, and the next starts when one ends', async () => {
  const command = `${note('window', '+')}; case $HOME in */web1) sleep 2;; *) sleep 0.1;; esac; ${note('window', '-')}`;
  const { short } = await run('sync', { hosts, commands: [{ command }], batchSize: 2 }, attempts('window').next());
  assert.deepEqual(
    short,
    hosts.map((host) => `${host}:0`),
  );
  let under = 0;
  for (const line of lines('window')) {
    under += line.startsWith('+') ? 1 : -1;
    assert.ok(under <= 2, lines('window').join('\n'));
  }
  const [first, second, third] = lines('window').filter((line) => line.startsWith('+'));
  assert.deepEqual([first, second].sort(), ['+ web1', '+ web2']);
  assert.equal(third, '+ web3');
});

test('once too many have failed no further host is contacted; those that have started finish', async () => {
  const commands = [{ command: `${note('stops')}; ${failsOn('web2', 'web3')}` }, { command: note('stops-2') }];
  const one = await run('sync', { hosts, commands, batchSize: 1 }, attempts('stops').next());
  assert.deepEqual([one.short, lines('stops').length], [['web1:0', '!web2:0'], 2]);
  const two = await run('sync', { hosts, commands, batchSize: 1, failuresAllowed: 1 }, attempts('stops 2').next());
  assert.deepEqual(two.short, ['web1:0', '!web2:0', '!web3:0']);
  assert.deepEqual(lines('stops-2'), []);
});

test('in mode sync a further command goes to those that succeeded, if they are enough', async () => {
  const commands = [{ command: failsOn('web2') }, { command: failsOn('web3') }, { command: note('third') }];
  const input = { hosts, commands, batchSize: 2, failuresAllowed: 2 };
  const { short } = await run('sync', input, attempts('enough').next());
  const good = ['web1', 'web4', 'web5', 'web6'];
  assert.deepEqual(short, [
    ...hosts.map((host) => `${host === 'web2' ? '!' : ''}${host}:0`),
    ...['web1:1', '!web3:1', 'web4:1', 'web5:1', 'web6:1'],
    ...good.map((host) => `${host}:2`),
  ]);
  assert.deepEqual(lines('third').sort(), good);
});

test('in mode async each host goes its own way up to the first command that fails there', async () => {
  const commands = [
    { command: `case $HOME in */web1) while [ ! -e ${file('go')} ]; do sleep 0.1; done;; esac; ${note('async')}` },
    { command: failsOn('web3') },
    { command: `${note('last')}; case $HOME in */web6) : >${file('go')};; esac` },
  ];
  const input = { hosts, commands, failuresAllowed: 1 };
  const { short } = await run('async', input, attempts('async').next());
  // The first host ended its first command only after the last one had ended its third.
  assert.deepEqual(lines('async').at(-1), 'web1');
  assert.deepEqual(short, [
    ...hosts.map((host) => `${host}:0`),
    ...hosts.map((host) => `${host === 'web3' ? '!' : ''}${host}:1`),
    ...hosts.filter((host) => host !== 'web3').map((host) => `${host}:2`),
  ]);
});

test('a command that runs too long fails on its host and is ended there', async () => {
  const commands = [{ command: `case $HOME in */web2) exec sleep ${nap}1;; esac`, timeoutMs: 8000 }];
  const { short } = await run('sync', { hosts, commands, failuresAllowed: 6 }, attempts('too long').next());
  assert.deepEqual(short, ['web1:0', '!web2:0 COMMAND_TIMEOUT', 'web3:0', 'web4:0', 'web5:0', 'web6:0']);
  assert.ok(!processes().includes(`sleep ${nap}1`));
});

const processes = () => execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n');

test('when the time for all is up, what runs is ended and what is left is never contacted', async () => {
  const command = `${note('global')}; case $HOME in */web1) true;; *) exec sleep ${nap}2;; esac`;
  const input = { hosts, commands: [{ command }, { command: 'true' }], batchSize: 2, timeLeftMs: 8000 };
  const token = attempts('global');
  const ended = await run('sync', input, token.next());
  assert.deepEqual(ended.short, ['web1:0', '!web2:0 GLOBAL_TIMEOUT', '!web3:0 GLOBAL_TIMEOUT']);
  assert.ok(ended.timeUp);
  assert.match(ended.results[1]?.error?.message ?? '', /had not ended when the time for all was up and was ended$/);
  assert.ok(!processes().includes(`sleep ${nap}2`));
  // Whoever comes later finds the same.
  assert.deepEqual((await run('sync', input, token.next())).short.slice(0, 1), ['web1:0']);
  assert.equal(lines('global').length, 3);
});

test('an attempt that begins when the time is up ends what the former one left running, and tells what had ended', async () => {
  const command = `${note('late')}; case $HOME in */web1) echo done;; *) exec sleep ${nap}3;; esac`;
  const input = { hosts, commands: [{ command }], batchSize: 2, timeLeftMs: 600_000 };
  const token = attempts('late');
  await cutOff('sync', input, token, () => token.details().done === 1 && lines('late').length === 3);
  assert.ok(processes().includes(`sleep ${nap}3`));
  const { short, results, timeUp } = await run('sync', { ...input, timeLeftMs: 0 }, token.next());
  assert.deepEqual(short, ['web1:0', '!web2:0 GLOBAL_TIMEOUT', '!web3:0 GLOBAL_TIMEOUT']);
  assert.deepEqual([results[0]?.output, timeUp], ['done\n', true]);
  assert.ok(!processes().includes(`sleep ${nap}3`));
});

test('the next attempt goes on in the middle of a batch, counts what failed before, and runs nothing twice', async () => {
  const wait = `case $HOME in */web2) while [ ! -e ${file('go on')} ]; do sleep 0.1; done;; esac`;
  const commands = [{ command: `${note('middle')}; ${wait.replaceAll('go on', 'go-on')}; ${failsOn('web1', 'web4')}` }];
  const input = { hosts, commands, batchSize: 1, failuresAllowed: 1 };
  const token = attempts('middle');
  await cutOff('sync', input, token, () => token.details().failed === 1 && lines('middle').length === 2);
  writeFileSync(file('go-on'), '');
  const { short } = await run('sync', input, token.next());
  assert.deepEqual(short, ['!web1:0', 'web2:0', 'web3:0', '!web4:0']);
  assert.deepEqual(lines('middle'), ['web1', 'web2', 'web3', 'web4']);
});

test('a sequence goes on with the command it had come to on each host', async () => {
  const wait = `case $HOME in */web[12]) while [ ! -e ${file('resume')} ]; do sleep 0.1; done;; esac`;
  const commands = [
    { command: note('first') },
    { command: `${note('second')}; ${wait}` },
    { command: note('third-2') },
  ];
  const token = attempts('sequence');
  const input = { hosts, commands, batchSize: 4 };
  await cutOff('async', input, token, () => token.details().done === 4 && lines('second').length === 6);
  writeFileSync(file('resume'), '');
  const { short } = await run('async', input, token.next());
  assert.deepEqual(
    short,
    [0, 1, 2].flatMap((index) => hosts.map((host) => `${host}:${index}`)),
  );
  for (const name of ['first', 'second', 'third-2']) assert.deepEqual(lines(name).sort(), hosts);
});

test('the rest between two hosts is not begun anew by the next attempt', async () => {
  const commands = [{ command: note('rest') }];
  const input = { hosts: hosts.slice(0, 2), commands, batchSize: 1, batchSleepMs: 600_000 };
  const token = attempts('rest');
  await cutOff('sync', input, token, () => token.details().done === 1);
  assert.deepEqual(lines('rest'), ['web1']);
  assert.ok(token.details().restsUntil > 300_000);
  token.details().restsUntil = token.elapsed() + 200;
  assert.deepEqual((await run('sync', input, token.next())).short, ['web1:0', 'web2:0']);
});

test('a host that is away keeps its place in a batch, and nobody starts after it while it could be one too many', async () => {
  await lab.host('web1').kill();
  const commands = [{ command: note('doubt') }];
  const token = attempts('doubt');
  const running = run('sync', { hosts, commands, batchSize: 2 }, token.next());
  await waitFor(() => token.details().done === 1);
  await sleep(300);
  assert.deepEqual(lines('doubt'), ['web2']);
  await lab.host('web1').start();
  await running;
  assert.deepEqual(lines('doubt').sort(), hosts);
});

test('a cancelled batch leaves nothing running, and starts nothing more', async () => {
  const commands = [{ command: `${note('cancelled')}; exec sleep ${nap}4` }];
  const controller = new AbortController();
  const token = attempts('cancelled');
  const running = run('sync', { hosts, commands, batchSize: 3 }, token.next({ signal: controller.signal }));
  await waitFor(() => lines('cancelled').length === 3);
  controller.abort(new Error('CANCELLED'));
  await assert.rejects(running, { message: 'CANCELLED' });
  assert.deepEqual([lines('cancelled').length, processes().includes(`sleep ${nap}4`)], [3, false]);
});

/**
 * An attempt that is killed while commands run, and of which no heartbeat has come through.
 * @returns the call of the next one
 */
const killed = async (
  mode: 'sync' | 'async',
  input: SliceInput,
  name: string,
  when: () => boolean,
): Promise<(overrides?: Partial<Call>) => Call> => {
  const token = attempts(name);
  await cutOff(mode, input, token, when);
  return (overrides = {}) => token.next({ attempt: 2, resumed: undefined, ...overrides });
};
const notBegunLater = async (host: string, command: string, { token }: Call) =>
  assert.rejects(remote.runOnce(host, command, { token }), { code: 'COMMAND_ENDED' });
/** The run says that too many have failed elsewhere: nothing more is started. */
const tooMany = { signal: () => Promise.resolve(), query: () => Promise.resolve(true) };
const shared = { id: 'one', slice: 1 };

test('what a worker that died had started without telling is seen through, though nothing more may start, and then nothing does', async () => {
  const wait = `while [ ! -e ${file('go-untold')} ]; do sleep 0.1; done`;
  const command = `${note('untold')}; echo begun; ${wait}; ${failsOn('web2')}`;
  const input = { hosts, commands: [{ command }, { command: note('untold-2') }], batchSize: 2, shared };
  const next = await killed('sync', input, 'untold', () => lines('untold').length === 2);
  const running = run('sync', input, next({ ownRun: tooMany }));
  await sleep(300);
  writeFileSync(file('go-untold'), '');
  const { short, results } = await running;
  assert.deepEqual(short, ['web1:0', '!web2:0']);
  assert.deepEqual(
    results.map(({ output }) => output),
    ['begun\n', 'begun\n'],
  );
  // Nor does what is still on its way there.
  for (const host of ['web3', 'web6']) await notBegunLater(host, command, next());
  assert.deepEqual([lines('untold').sort(), lines('untold-2')], [['web1', 'web2'], []]);
});

test('in mode async what was not told of may be several commands a host', async () => {
  const wait = `case $HOME in */web2) while [ ! -e ${file('go-several')} ]; do sleep 0.1; done;; esac`;
  const commands = [{ command: 'echo one' }, { command: `${note('several')}; ${wait}` }, { command: 'echo three' }];
  const input = { hosts, commands, batchSize: 2, batchSleepMs: 600_000, shared };
  const next = await killed('async', input, 'several', () => lines('several').length === 2);
  writeFileSync(file('go-several'), '');
  const { short } = await run('async', input, next({ ownRun: tooMany }));
  assert.deepEqual(short.slice(0, 4), ['web1:0', 'web2:0', 'web1:1', 'web2:1']);
  assert.deepEqual(lines('several').sort(), ['web1', 'web2']);
});

test('what was not told of is ended when the time for all is up, and when the run is cancelled', async () => {
  const command = (name: string, seconds: string) =>
    `${note(name)}; case $HOME in */web1) echo done;; *) exec sleep ${seconds};; esac`;
  const late = { hosts, commands: [{ command: command('untold-late', `${nap}5`) }], batchSize: 2 };
  const afterLate = await killed('sync', late, 'untold late', () => lines('untold-late').length === 3);
  const { short, results, timeUp } = await run('sync', { ...late, timeLeftMs: 0 }, afterLate());
  assert.deepEqual(short, ['web1:0', '!web2:0 GLOBAL_TIMEOUT', '!web3:0 GLOBAL_TIMEOUT']);
  assert.deepEqual([results[0]?.output, timeUp], ['done\n', true]);
  assert.match(results[1]?.error?.message ?? '', /when the time for all was up and was ended$/);

  const cancelled = { hosts, commands: [{ command: command('untold-cancelled', `${nap}6`) }], batchSize: 2 };
  const next = await killed('sync', cancelled, 'untold cancelled', () => lines('untold-cancelled').length === 3);
  assert.ok(processes().includes(`sleep ${nap}6`));
  const signal = AbortSignal.abort(new Error('CANCELLED'));
  await assert.rejects(run('sync', cancelled, next({ signal })), { message: 'CANCELLED' });
  for (const seconds of [`${nap}5`, `${nap}6`]) assert.ok(!processes().includes(`sleep ${seconds}`));
  for (const [name, input, host] of [
    ['untold-late', late, 'web4'],
    ['untold-cancelled', cancelled, 'web6'],
  ] as const) {
    await notBegunLater(host, input.commands[0]?.command ?? '', name === 'untold-late' ? afterLate() : next());
    assert.deepEqual(lines(name).sort(), ['web1', 'web2', 'web3']);
  }
});

test('a host that cannot be asked what was started there is told as of unknown outcome', async () => {
  const command = `${note('unasked')}; exec sleep ${nap}7`;
  const input = { hosts: ['web1', 'web2'], commands: [{ command }], timeLeftMs: 600_000 };
  const next = await killed('sync', input, 'unasked', () => lines('unasked').length === 2);
  await lab.host('web2').kill();
  const { short, results } = await run('sync', { ...input, timeLeftMs: 0 }, next());
  assert.deepEqual(short, ['!web1:0 GLOBAL_TIMEOUT', '!web2:0 GLOBAL_TIMEOUT']);
  assert.deepEqual(
    results.map(({ error }) => error?.kind),
    ['failed', 'unknown'],
  );
  await lab.host('web2').start();
  assert.deepEqual(await remote.endOnce('web2', { token: next().token }), { never: false });
  assert.ok(!processes().includes(`sleep ${nap}7`));
});

test('a later attempt asks first whether too many have failed elsewhere, and then starts nothing', async () => {
  const ownRun = { signal: () => Promise.resolve(), query: () => Promise.resolve(true) };
  const input = { hosts, commands: [{ command: note('elsewhere') }], shared: { id: 'one', slice: 1 } };
  const { short } = await run('sync', input, attempts('elsewhere').next({ attempt: 2, ownRun }));
  assert.deepEqual([short, lines('elsewhere')], [[], []]);
});

test('after a kill -9, hosts that were booted before their turn in the batch came run like all others', async () => {
  // From the first host's end on, more time has passed since the kill than any host has been up.
  const elapsedMs = () => 1000 + (lines('booted').length > 0 ? (uptime() + 1000) * 1000 : 0);
  const call = attempts('booted').next({ attempt: 2, elapsedMs });
  const { short } = await run('sync', { hosts, commands: [{ command: note('booted') }], batchSize: 1 }, call);
  assert.deepEqual(
    short,
    hosts.map((host) => `${host}:0`),
  );
  assert.deepEqual(
    lines('booted').map((line) => line.trim()),
    hosts,
  );
});

test('commands that only read count as running too', async () => {
  const token = attempts('read');
  const input = { hosts, commands: [{ command: `while [ ! -e ${file('read')} ]; do sleep 0.1; done` }] };
  const ended = activities['remote.runSyncSafe'].run(input, token.next());
  await waitFor(() => token.details().running === hosts.length);
  writeFileSync(file('read'), '');
  await ended;
});
