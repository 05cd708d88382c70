import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fence } from '../../../src/model/fence.ts';
import { resultOf } from '../../support/world/engine.ts';
import { setStage, type Stage } from './world/stage.ts';

let stage: Stage;
let killWorker: () => Promise<void>;
before(async () => {
  stage = await setStage();
  killWorker = await stage.worker();
});
after(() => stage.stop());
afterEach(() => stage.noLocksLeft(true));

const own = (lock: string, id: string) => `/spicerack/locks/custom/${lock}/${id}`;
const automatic = (id: string) => `/spicerack/locks/cookbooks/locks.guarded:${id}/${id}`;
const entered = (id: string) => () => stage.effects().includes(`enter ${id}`);
const waits = (lock: string, id: string) => async () =>
  (await stage.locks()).includes(`/spicerack/waiting/custom/${lock}/${id}`);

test('a run holds its automatic lock and its own, another one waits, and both say so', async () => {
  const one = await stage.start('a1', { lock: 'a', until: 'a-go' });
  await stage.until(entered('a1'));
  assert.deepEqual((await stage.locks()).sort(), [automatic('a1'), own('a', 'a1')]);
  assert.deepEqual((await stage.status(one)).locks.sort(), [automatic('a1'), own('a', 'a1')]);
  const two = await stage.start('a2', { lock: 'a', until: 'a-go' });
  await stage.until(waits('a', 'a2'));
  assert.ok(!entered('a2')());
  stage.let('a-go');
  assert.equal((await resultOf(one)).exitCode, 0);
  assert.equal((await resultOf(two)).exitCode, 0);
  const order = stage.effects().filter((effect) => / a[12]$/.test(effect));
  assert.deepEqual(order, ['enter a1', 'leave a1', 'enter a2', 'leave a2']);
  const said = stage.log('locks/guarded.log');
  assert.match(said, / a1: Acquired lock for key \/spicerack\/locks\/custom\/a: \{'concurrency': 1, /);
  assert.match(said, / alice \d+ \[INFO\] a1: inside a\n/);
  assert.match(said, /\[WARNING\] a2: \[1\/27, retrying in 5\.00s\] Unable to acquire lock: /);
  assert.match(said, /\[WARNING\] a2: {5}\d{4}.*: alice@laptop \[a1\]\n/);
  assert.match(said, / a1: Released lock for key \/spicerack\/locks\/custom\/a: a1\n/);
  assert.match(stage.log('locks/guarded-extended.log'), /\[DEBUG locks\.acquire\] a1: Acquiring lock for key a: /);
});

test('START and END are announced once each', async () => {
  stage.let('b-go');
  await resultOf(await stage.start('b1', { lock: 'b', until: 'b-go' }));
  assert.deepEqual(
    stage.relay.messages.filter((message) => message.includes('[b1]')),
    [
      '!log alice@laptop START - Cookbook locks.guarded [b1]',
      '!log alice@laptop END (PASS) - Cookbook locks.guarded (exit_code=0) [b1]',
    ],
  );
});

test(
  'a killed worker loses no lock: the next one keeps it, and nobody else gets in',
  { timeout: 120_000 },
  async () => {
    const one = await stage.start('c1', { lock: 'c', until: 'c-go', ttl: '24s' });
    await stage.until(entered('c1'));
    const two = await stage.start('c2', { lock: 'c', until: 'c-go' });
    await stage.until(waits('c', 'c2'));
    await killWorker();
    killWorker = await stage.worker();
    await sleep(25_000); // longer than the lease
    assert.ok(!entered('c2')());
    assert.ok((await stage.locks()).includes(own('c', 'c1')));
    stage.let('c-go');
    assert.equal((await resultOf(one)).exitCode, 0);
    assert.equal((await resultOf(two)).exitCode, 0);
    const order = stage.effects().filter((effect) => / c[12]$/.test(effect));
    assert.deepEqual(order, ['enter c1', 'leave c1', 'enter c2', 'leave c2']);
  },
);

const did = (id: string) => stage.effects().filter((effect) => effect.endsWith(` ${id}`));

test('a lost lock stops what goes on under it; the undo takes it again on the word of a person', async () => {
  const run = await stage.start('d1', { lock: 'd', until: 'd-never' });
  await stage.until(entered('d1'));
  await stage.etcd.ctl('del', own('d', 'd1'));
  const other = await stage.start('d2', { lock: 'd', until: 'd-go' });
  await stage.until(entered('d2'));
  const asked = await stage.answer(run, 'take it again and roll back');
  assert.match(
    asked,
    /^lost the lock \/spicerack\/locks\/custom\/d\/d1: its key is gone from etcd.*; nothing more is started/,
  );
  await stage.until(waits('d', 'd1'));
  assert.deepEqual(did('d1'), ['enter d1']);
  stage.let('d-go');
  assert.equal((await resultOf(other)).exitCode, 0);
  const result = await resultOf(run);
  assert.deepEqual([result.exitCode, result.notUndone], [99, undefined]);
  assert.match(result.error ?? '', /^lost the lock \/spicerack\/locks\/custom\/d\/d1: its key is gone from etcd/);
  const order = stage.effects().filter((effect) => / d[12]$/.test(effect));
  assert.deepEqual(order, ['enter d1', 'enter d2', 'leave d2', 'undo d1']);
});

test('a lost automatic lock stops the run, which is undone without it if a person says so', async () => {
  const run = await stage.start('e1', { lock: 'e', until: 'e-never' });
  await stage.until(entered('e1'));
  await stage.etcd.ctl('del', automatic('e1'));
  const asked = await stage.answer(run, 'roll back without it');
  assert.match(asked, /^lost the lock \/spicerack\/locks\/cookbooks\/locks\.guarded:e1\/e1: /);
  const result = await resultOf(run);
  assert.match(result.error ?? '', /^lost the lock \/spicerack\/locks\/cookbooks\/locks\.guarded:e1\/e1: /);
  assert.deepEqual(did('e1'), ['enter e1', 'undo e1']);
});

test('what a run has left is left on the word of a person, after its lock was lost', async () => {
  const run = await stage.start('m1', { lock: 'm', until: 'm-never' });
  await stage.until(entered('m1'));
  await stage.etcd.ctl('del', automatic('m1'));
  await stage.answer(run, 'leave');
  const result = await resultOf(run);
  assert.deepEqual([result.exitCode, result.left], [99, ['enter']]);
  assert.deepEqual(did('m1'), ['enter m1']);
});

test('the run that holds a lock, and those it starts, take it again at once', async () => {
  const run = await stage.start('n1', { lock: 'n' }, {}, 'locks.nested');
  const { exitCode, report } = await resultOf(run);
  assert.equal(exitCode, 0);
  const fences = (report as Fence[]).map(({ kind, names, holder, number }) => [
    kind,
    ...names,
    holder,
    /^\d+$/.test(number),
  ]);
  assert.deepEqual(fences, [
    ['cookbooks', 'locks.nested:n', 'n1', true],
    ['custom', 'n', 'n1', true],
  ]);
  assert.deepEqual(did('n1'), ['both n1']);
  assert.deepEqual(did('n1/1-locks.nested'), ['both n1/1-locks.nested']);
});

test('a lock held for several cannot be taken for one inside of it', async () => {
  const result = await resultOf(await stage.start('o1', { lock: 'o', stricter: true }, {}, 'locks.nested'));
  assert.equal(result.error, "concurrency of lock 'loose' is 1, but this run holds it with 4: take it with 1 at first");
});

test('a run that fails under a lock holds it until its undo is done', async () => {
  const run = await stage.start('p1', { lock: 'p', fails: true }, {}, 'locks.nested');
  await stage.until(() => did('p1/1-locks.nested').length > 0);
  const other = await stage.start('p2', { lock: 'p', until: 'p-go' });
  await stage.until(waits('p', 'p2'));
  stage.let('p-go');
  assert.equal((await resultOf(run)).exitCode, 99);
  assert.equal((await resultOf(other)).exitCode, 0);
  const order = stage.effects().filter((effect) => / p[12]$/.test(effect));
  assert.deepEqual(order, ['both p1', 'undo p1', 'enter p2', 'leave p2']);
});

test('a run cancelled under a lock is undone and gives it back', async () => {
  const run = await stage.start('f1', { lock: 'f', until: 'f-never' });
  await stage.until(entered('f1'));
  await run.cancel();
  assert.equal((await resultOf(run)).exitCode, 97);
  assert.deepEqual(
    stage.effects().filter((effect) => effect.endsWith(' f1')),
    ['enter f1', 'undo f1'],
  );
});

test('a run cancelled while it waits leaves nothing behind', async () => {
  const one = await stage.start('g1', { lock: 'g', until: 'g-go' });
  await stage.until(entered('g1'));
  const two = await stage.start('g2', { lock: 'g', until: 'g-go' });
  await stage.until(waits('g', 'g2'));
  await two.cancel();
  assert.equal((await resultOf(two)).exitCode, 97);
  assert.deepEqual((await stage.locks()).sort(), [automatic('g1'), own('g', 'g1')]);
  stage.let('g-go');
  await resultOf(one);
});

test('a run that continues as new holds the same locks all the time', async () => {
  const run = await stage.start('h1', { lock: 'h', until: 'h-go', again: true });
  await stage.until(entered('h1'));
  const revision = async (key: string) =>
    (JSON.parse(await stage.etcd.ctl('get', key, '-w', 'json')) as { kvs?: { create_revision: number }[] }).kvs?.[0]
      ?.create_revision;
  const keys = [automatic('h1'), own('h', 'h1')];
  const before = await Promise.all(keys.map(revision));
  const { firstExecutionRunId } = run as unknown as { firstExecutionRunId: string };
  const two = await stage.start('h2', { lock: 'h', until: 'h-go' });
  await stage.until(waits('h', 'h2'));
  stage.let('h-go');
  const seen = new Set<string>();
  const watch = stage.until(async () => {
    const now = (await Promise.all(keys.map(revision))).join();
    seen.add(now);
    return stage.effects().includes('leave h1');
  });
  assert.equal((await resultOf(run)).exitCode, 0);
  await watch;
  assert.equal([...seen][0], before.join());
  assert.ok((await run.describe()).runId !== firstExecutionRunId, 'it did continue as new');
  await resultOf(two);
  const order = stage.effects().filter((effect) => / h[12]$/.test(effect));
  assert.deepEqual(order, ['enter h1', 'leave h1', 'enter h2', 'leave h2']);
});

test('a run cancelled while it is about to continue as new is undone and gives its locks back', async () => {
  stage.relay.refuses = true; // START takes a second or so
  try {
    const run = await stage.start('r1', { lock: 'r', until: 'r-go', again: true });
    stage.let('r-go');
    const waited = async () =>
      (await stage.status(run)).steps.some(({ name, state }) => name === 'wait' && state === 'done');
    await stage.until(waited);
    await run.cancel();
    assert.equal((await resultOf(run)).exitCode, 97);
  } finally {
    stage.relay.refuses = false;
  }
  assert.deepEqual(did('r1'), ['enter r1', 'undo r1']);
  assert.deepEqual(await stage.locks(), []);
});

test('cookbooks that lock their hosts exclude each other on those they share', async () => {
  const held = () => stage.locks().then((keys) => keys.filter((key) => /\/custom\/host:/.test(key)));
  const hosts = (run: string) => [1, 2, 3].map((n) => `/spicerack/locks/custom/host:q${n}.lab/${run}`);
  const one = await stage.start('q1', { host: 'q[1-3].lab', until: 'q-go' }, {}, 'locks.host-work');
  await stage.until(entered('q1'));
  assert.deepEqual(await held(), hosts('q1'));
  const elsewhere = await stage.start('q2', { host: 'q4.lab' }, {}, 'locks.other-host-work');
  assert.equal((await resultOf(elsewhere)).exitCode, 0);
  const overlapping = await stage.start('q3', { host: 'q[3-4].lab' }, {}, 'locks.other-host-work');
  await stage.until(waits('host:q3.lab', 'q3'));
  const { plan } = await resultOf(await stage.start('q4', { host: 'q[2-4].lab' }, { dryRun: true }, 'locks.host-work'));
  assert.match(
    plan?.[0] ?? '',
    /^take the lock host:q\[2-4\]\.lab, which would have to wait: Unable .*host:q2\.lab\.\n/,
  );
  stage.let('q-go');
  assert.equal((await resultOf(one)).exitCode, 0);
  assert.equal((await resultOf(overlapping)).exitCode, 0);
  const order = stage.effects().filter((effect) => / q[13]$/.test(effect));
  assert.deepEqual(order, ['enter q1', 'leave q1', 'enter q3']);
});

test('a dry run takes no lock, and says that it would have to wait', async () => {
  const one = await stage.start('i1', { lock: 'i', until: 'i-go' });
  await stage.until(entered('i1'));
  const { plan } = await resultOf(await stage.start('i2', { lock: 'i', until: 'i-go' }, { dryRun: true }));
  assert.match(
    plan?.[0] ?? '',
    /^take the lock i, which would have to wait: Unable to acquire lock: [^]*alice@laptop \[i1\]$/,
  );
  assert.deepEqual((await stage.locks()).sort(), [automatic('i1'), own('i', 'i1')]);
  assert.match(
    stage.log('locks/guarded.log'),
    / DRY-RUN alice \d+ \[INFO\] i2: Skipping lock acquire\/release in DRY-RUN mode\n/,
  );
  stage.let('i-go');
  await resultOf(one);
});

test('a dry run reads the automatic lock, too', async () => {
  const one = await stage.start('s1', { lock: 's', suffix: 's', until: 's-go' });
  await stage.until(entered('s1'));
  const { plan } = await resultOf(await stage.start('s2', { lock: 's-other', suffix: 's' }, { dryRun: true }));
  assert.match(
    plan?.[0] ?? '',
    /^wait for the lock locks\.guarded:s: Unable to acquire lock: [^]*alice@laptop \[s1\]$/,
  );
  assert.equal(plan?.[1], 'take the lock s-other');
  stage.let('s-go');
  await resultOf(one);
});

test('a child run speaks in the log files of the cookbook its operator started', async () => {
  stage.let('l-child');
  const run = await stage.start('l1', { child: 'l-child' }, {}, 'locks.parent');
  assert.equal((await resultOf(run)).exitCode, 0);
  const said = stage.log('locks/parent.log');
  assert.match(said, / alice \d+ \[INFO\] l1: before the child\n/);
  assert.match(said, / alice \d+ \[INFO\] l1\/1-locks\.guarded: inside l-child\n/);
  assert.match(said, / alice \d+ \[INFO\] l1\/1-locks\.guarded: Acquired lock for key /);
  const elsewhere = stage.log('locks/guarded.log') + stage.log('locks/guarded-extended.log');
  assert.deepEqual(elsewhere.match(/^.* l1\/1-.*$/gm), null);
});

test('without locks nothing is taken', async () => {
  const run = await stage.start('j1', { lock: 'j', until: 'j-go' }, { noLocks: true });
  await stage.until(entered('j1'));
  assert.deepEqual(await stage.locks(), []);
  stage.let('j-go');
  assert.equal((await resultOf(run)).exitCode, 0);
});

test('a name no lock can have ends the run with a clear word', async () => {
  const result = await resultOf(await stage.start('k1', { lock: 'a/b', until: 'k-go' }));
  assert.equal(result.exitCode, 99);
  assert.equal(result.error, "the name of a lock may not contain '/': 'a/b'");
});
