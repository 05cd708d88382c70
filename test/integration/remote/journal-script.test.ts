import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { attemptInput, mark } from '../../../src/remote/journal.ts';
import { type Started, TestJournal, attemptLine, killGroup, shells, waitFor } from '../../support/journal.ts';

describe('the journal', { concurrency: 5 }, () => {
  for (const [name, path] of Object.entries(shells))
    for (const leads of [true, false])
      describe(
        `under ${name}, ${leads ? 'leading a session as under sshd' : 'without a session of its own'}`,
        { skip: existsSync(path) ? false : `${path} is not installed`, concurrency: 1 },
        () => journalTests(name as keyof typeof shells, leads),
      );
});

function journalTests(name: keyof typeof shells, leads: boolean): void {
  let journal: TestJournal;
  let dir: string;
  before(() => {
    journal = new TestJournal(name, leads);
    dir = journal.dir;
  });
  after(() => journal.close());

  const attempt = (...args: Parameters<TestJournal['attempt']>) => journal.attempt(...args);
  const run = (...args: Parameters<TestJournal['run']>) => journal.run(...args);
  const end = (entry: string, why?: string) => journal.end(entry, why);
  const kill = (started: Started) => journal.kill(started);
  const counter = (file: string) => journal.counter(file);
  const entryFile = (entry: string, kind: string) => journal.entryFile(entry, kind);
  const inputs = () => readdirSync(join(dir, 'journal')).filter((file) => file.includes('.in.'));
  const groupOf = (entry: string) => journal.groupOf(entry);

  test('keeps output and exit status, and gives them to every later attempt without running again', async () => {
    const { count, runs } = counter('plain');
    const command = `${count} echo out; echo err >&2; echo also >/dev/stderr; exit 3`;
    const first = await run('plain', command);
    assert.equal(first.output, 'out\nerr\nalso\n');
    assert.partialDeepStrictEqual(first.verdict, { is: 'exit', code: 3, ended: undefined });
    const second = await run('plain', command);
    assert.equal(second.output, first.output);
    assert.partialDeepStrictEqual(second.verdict, { is: 'exit', code: 3 });
    assert.equal(runs(), 1);
    assert.ok(readFileSync(entryFile('plain', 'run'), 'utf8').includes(`\ncmd ${command.slice(0, 200)}\n`));
  });

  test('the directory is the owner´s alone', () => {
    assert.match(execFileSync('ls', ['-ld', join(dir, 'journal')], { encoding: 'utf8' }), /^drwx------/);
  });

  test('a killed wrapper leaves the command running; the next one attaches, also while it runs', async () => {
    const { count, runs } = counter('attach');
    const command = `${count} echo one; sleep 2; echo two; exit 5`;
    const first = attempt('attach', command);
    await waitFor(() => first.output().includes('one'));
    await kill(first);
    const second = await run('attach', command);
    assert.equal(second.output, 'one\ntwo\n');
    assert.partialDeepStrictEqual(second.verdict, { is: 'exit', code: 5 });
    assert.ok(second.attached !== undefined && second.attached <= 2);
    assert.ok(second.verdict?.is === 'exit' && (second.verdict.durationMs ?? 0) >= 1900);
    assert.equal(runs(), 1);
  });

  test('output comes while the command runs', async () => {
    const one = attempt('live', 'echo early; sleep 3; echo late');
    await waitFor(() => one.output().includes('early'));
    assert.ok(!one.output().includes('late'));
    await one.ended;
  });

  test('a wrapper killed before it has started anything leaves nothing in the way', async () => {
    const { count, runs } = counter('early');
    const waiting = attempt('early', `${count} cat`, { stdin: Buffer.alloc(0) });
    // Claims, and waits for five bytes that do not come.
    await kill(waiting);
    const held = attempt('early', `${count} cat`, {});
    await kill(held);
    const line = attemptLine({ entry: 'early2', command: `${count} cat`, stdin: 'hello' });
    const stuck = journal.start(line, 'digest\n');
    await waitFor(() => inputs().length > 0);
    await kill(stuck);
    assert.equal(existsSync(entryFile('early2', 'run')), false);
    const runsBefore = runs();
    const next = await run('early2', `${count} cat`, { stdin: 'hello' });
    assert.equal(next.output, 'hello');
    assert.equal(runs(), runsBefore + 1);
  });

  test('whenever the wrapper is killed, the command runs once at most, and once if its end is known', async () => {
    let finished = 0;
    for (let i = 0; i < 40; i++) {
      const { count, runs } = counter(`kill${i}`);
      const command = `${count} echo $((40 + 2))`;
      const first = attempt(`kill${i}`, command);
      await sleep(i * 0.6);
      await kill(first);
      const { verdict, output } = await run(`kill${i}`, command);
      if (verdict?.is === 'exit') {
        assert.deepEqual([verdict.code, output, runs()], [0, '42\n', 1]);
        finished++;
      } else {
        assert.equal(verdict?.is, 'lost');
        assert.ok(runs() <= 1);
      }
    }
    assert.ok(finished >= 38, `only ${finished} of 40 known`);
  });

  test('attempts at the same time run the command once, and all get its output', async () => {
    const { count, runs } = counter('race');
    const command = `${count} echo start; sleep 1; echo end; exit 9`;
    const all = await Promise.all(Array.from({ length: 6 }, () => run('race', command)));
    for (const { output, verdict } of all) {
      assert.equal(output, 'start\nend\n');
      assert.partialDeepStrictEqual(verdict, { is: 'exit', code: 9 });
    }
    assert.equal(runs(), 1);
  });

  test('a runner that was killed is told apart: the command may have run', async () => {
    const { count, runs } = counter('lost');
    const command = `${count} echo begun; sleep 30`;
    const first = attempt('lost', command);
    await waitFor(() => first.output().includes('begun'));
    await kill(first);
    killGroup(groupOf('lost'));
    const { verdict, output } = await run('lost', command);
    assert.deepEqual([verdict, output], [{ is: 'lost' }, 'begun\n']);
    assert.deepEqual((await run('lost', command)).verdict, { is: 'lost' });
    assert.equal(runs(), 1);
  });

  test('a pid that belongs to another process now is no runner', async () => {
    const { count, runs } = counter('reuse');
    const born = () =>
      readFileSync('/proc/self/stat', 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[19] ?? '';
    writeFileSync(entryFile('reuse', 'run'), `start boot-1 ${process.pid} ${Number(born()) - 100}\n`);
    assert.deepEqual((await run('reuse', count)).verdict, { is: 'lost' });
    writeFileSync(entryFile('same', 'run'), `start boot-1 ${process.pid} ${born()}\n`);
    const waiting = attempt('same', count);
    await sleep(700);
    assert.equal(waiting.child.exitCode, null);
    await kill(waiting);
    assert.equal(runs(), 0);
  });

  test('a host that was rebooted under a command is told apart, also when it took the entry along', async () => {
    const { count, runs } = counter('reboot');
    const command = `${count} echo begun; sleep 3`;
    const first = attempt('reboot', command);
    await waitFor(() => first.output().includes('begun'));
    await kill(first);
    writeFileSync(join(dir, 'boot'), 'boot-2\n');
    const { verdict, output } = await run('reboot', command);
    assert.deepEqual([verdict, output], [{ is: 'rebooted' }, 'begun\n']);
    assert.equal(runs(), 1);
    // Up for less time than since it was sent there, and no trace of it.
    const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    assert.deepEqual((await run('gone', count, { sinceSeconds: uptime + 100 })).verdict, { is: 'rebooted' });
    assert.equal(runs(), 1);
    assert.partialDeepStrictEqual((await run('gone', count, { sinceSeconds: 1 })).verdict, { is: 'exit', code: 0 });
    writeFileSync(join(dir, 'boot'), 'boot-1\n');
  });

  test('ending a command ends all it started, and is written down', async () => {
    const command = 'sleep 50 & echo $!; sleep 50';
    const one = attempt('end', command);
    await waitFor(() => /\d\n/.test(one.output().replace(mark.toString(), '')));
    const child = Number(one.output().replace(mark.toString(), ''));
    const ended = await end('end');
    assert.partialDeepStrictEqual(ended.verdict, { is: 'exit', code: 143, ended: 'cancelled' });
    assert.throws(() => process.kill(child, 0));
    const { verdict } = await one.ended;
    if (!leads) assert.partialDeepStrictEqual(verdict, { is: 'exit', code: 143, ended: 'cancelled' });
    assert.partialDeepStrictEqual((await run('end', command)).verdict, { is: 'exit', code: 143, ended: 'cancelled' });
  });

  test('a command that ignores TERM is killed after five seconds', async () => {
    const one = attempt('stubborn', `trap '' TERM; echo ready; while :; do sleep 1; done`);
    await waitFor(() => one.output().includes('ready'));
    assert.partialDeepStrictEqual((await end('stubborn', 'timeout')).verdict, {
      is: 'exit',
      code: 137,
      ended: 'timeout',
    });
    const { verdict } = await one.ended;
    if (!leads) assert.partialDeepStrictEqual(verdict, { is: 'exit', code: 137 });
  });

  test('a command ended before it began never begins', async () => {
    const { count, runs } = counter('never');
    assert.deepEqual((await end('never')).verdict, { is: 'never' });
    assert.partialDeepStrictEqual((await run('never', count)).verdict, { is: 'exit', code: 143, ended: 'cancelled' });
    assert.equal(runs(), 0);
  });

  test('a look attaches to what has begun, and keeps from beginning what has not', async () => {
    const { count, runs } = counter('look');
    for (let i = 0; i < 2; i++) assert.deepEqual((await journal.look('unbegun')).verdict, { is: 'never' });
    assert.partialDeepStrictEqual((await run('unbegun', count)).verdict, { is: 'exit', code: 143, ended: 'unbegun' });
    await end('ended-unbegun');
    assert.deepEqual((await journal.look('ended-unbegun')).verdict, { is: 'never' });
    assert.deepEqual((await journal.look('rebooted', 1e9)).verdict, { is: 'rebooted' });
    assert.equal(runs(), 0);
    const one = attempt('begun', `${count} echo out; sleep 2; exit 3`);
    await waitFor(() => one.output().includes('out'));
    for (let i = 0; i < 2; i++)
      assert.partialDeepStrictEqual(await journal.look('begun'), { verdict: { is: 'exit', code: 3 }, output: 'out\n' });
    await one.ended;
    assert.equal(runs(), 1);
  });

  test('a look and an attempt at the same time agree on whether the command has begun', async () => {
    const { count, runs } = counter('both');
    for (let i = 0; i < 8; i++) {
      const before = runs();
      const [ran, looked] = await Promise.all([run(`both-${i}`, count), journal.look(`both-${i}`)]);
      const began = runs() > before;
      assert.equal(looked.verdict?.is, began ? 'exit' : 'never');
      assert.partialDeepStrictEqual(ran.verdict, { is: 'exit', code: began ? 0 : 143 });
    }
  });

  test('standard input arrives whole and leaves no trace, or the command does not start', async () => {
    const data = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));
    const command = 'od -An -tx1 | tail -n 2';
    const { output } = await run('input', command, { stdin: data });
    assert.equal(output, execFileSync('sh', ['-c', command], { input: data, encoding: 'utf8' }));
    const { count, runs } = counter('cut');
    const line = attemptLine({ entry: 'cut', command: count, stdin: 'ten bytes!' });
    const short = journal.start(line, attemptInput('ten bytes!').subarray(0, -5));
    await waitFor(() => inputs().length > 0);
    short.child.stdin?.end();
    await short.ended;
    assert.equal(runs(), 0);
    assert.deepEqual(inputs(), []);
  });

  test('a daemon that keeps the output open keeps nobody', async () => {
    const { verdict, output } = await run('daemon', 'sleep 7 & echo up');
    assert.partialDeepStrictEqual(verdict, { is: 'exit', code: 0 });
    assert.equal(output, 'up\n');
  });
}
