import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testCli, type TestCli } from '../../support/cookbook-cli.ts';
import { resultOf } from '../../support/world/engine.ts';
import { setStage, type Stage } from './world/stage.ts';

let stage: Stage;
let cli: TestCli;
before(async () => {
  stage = await setStage();
  cli = testCli(JSON.stringify({ ...stage.config, state_dir: 'DIRECTORY/state' }));
  await stage.worker();
});
after(async () => {
  await cli.stop();
  await stage.stop();
});

const own = (lock: string) => `/spicerack/locks/custom/${lock}`;
const entered = (id: string) => () => stage.effects().includes(`enter ${id}`);

/** A run that holds the lock NAME, and another one that waits for it. */
async function holderAndWaiter(name: string) {
  const [one, two] = [`${name}1`, `${name}2`];
  const holder = await stage.start(one, { lock: name, until: `${name}-go` });
  await stage.until(entered(one));
  const waiter = await stage.start(two, { lock: name, until: `${name}-go` });
  await stage.until(async () => (await stage.locks()).includes(`/spicerack/waiting/custom/${name}/${two}`));
  return { one, two, holder, waiter };
}

const ended = async (name: string, runs: Parameters<typeof resultOf>[0][]) => {
  stage.let(`${name}-go`);
  await Promise.all(runs.map(resultOf));
};

interface Listed {
  locks: {
    key: string;
    holders: {
      key: string;
      run: string;
      age: number;
      ttl: number;
      ttl_left: number | null;
      lease: string;
      fencing_number: string;
    }[];
    waiters: { run: string }[];
  }[];
}

test('locks are listed with holders, runs, ages, what their leases have left, and who waits', async () => {
  assert.deepEqual(await cli.run(['locks']), { code: 0, stdout: '', stderr: 'no lock is held\n' });
  const { holder, waiter } = await holderAndWaiter('a');
  const { code, stdout } = await cli.run(['locks']);
  assert.equal(code, 0);
  const lines = stdout.split('\n').map((line) => line.replace(/ +$/, ''));
  assert.match(lines[0] ?? '', /^LOCK +STATE +OWNER \[RUN\] +FOR +TTL LEFT +AT A TIME$/);
  const row = (state: string, run: string, ttl: string) =>
    new RegExp(`^${own('a')} +${state} +alice@laptop \\[${run}\\] +[\\dms.]+ +${ttl} +1$`);
  assert.ok(
    lines.some((line) => row('holds', 'a1', '[\\d.]+s').test(line)),
    stdout,
  );
  assert.ok(
    lines.some((line) => row('waits 1', 'a2', '[\\d.]+s').test(line)),
    stdout,
  );
  const listed = JSON.parse((await cli.run(['locks', '--json'])).stdout) as Listed;
  assert.deepEqual(
    listed.locks.map(({ key }) => key),
    [
      '/spicerack/locks/cookbooks/locks.guarded:a1',
      '/spicerack/locks/cookbooks/locks.guarded:a2',
      '/spicerack/locks/custom/a',
    ],
  );
  const { holders: [first] = [], waiters } = listed.locks[2] ?? {};
  assert.ok(first && first.run === 'a1' && first.ttl === 10 && first.age >= 0 && first.age < 600);
  assert.ok(first.ttl_left !== null && first.ttl_left >= 0 && first.ttl_left <= 10);
  const shown = JSON.parse(await stage.etcd.ctl('get', first.key, '-w', 'json')) as {
    kvs: { create_revision: number; lease: number }[];
  };
  assert.equal(first.fencing_number, String(shown.kvs[0]?.create_revision));
  assert.deepEqual(
    waiters?.map(({ run }) => run),
    ['a2'],
  );
  await ended('a', [holder, waiter]);
});

test('--watch goes on and tells each change, also past an etcd that is away', async () => {
  const going = cli.start(['locks', '--watch', '--json']);
  const { holder, waiter } = await holderAndWaiter('b');
  await going.until(/"key":"\/spicerack\/locks\/custom\/b","holders":\[\{.*"run":"b1".*"waiters":\[\{.*"run":"b2"/);
  const seen = going.output.length;
  stage.etcd.freeze(true);
  await going.until(/etcd http:\/\/127\.0\.0\.1:\d+: /);
  stage.etcd.freeze(false);
  stage.let('b-go');
  await Promise.all([resultOf(holder), resultOf(waiter)]);
  while (!/\{"locks":\[\]\}\n$/.test(going.output.slice(seen))) await sleep(50);
  going.kill('SIGTERM');
  await going.ended;
});

test('a lock is broken with a reason: its run learns it and is undone, the next one gets it, the SAL knows', async () => {
  const { two, holder, waiter } = await holderAndWaiter('c');
  const dry = await cli.run(['-d', 'locks', 'break', 'custom/c', '--reason', 'stuck']);
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /1\. break the lock c/);
  assert.ok((await stage.locks()).includes(`${own('c')}/c1`));
  const broken = await cli.run(['locks', 'break', 'custom/c', '--reason', 'stuck since noon', '--force'], 'bob');
  assert.equal(broken.code, 0, broken.stderr);
  assert.match(broken.stderr, /c1 is running: it stops what it does under the lock, and asks how it is to end\n/);
  await stage.answer(holder, 'roll back without it');
  const result = await resultOf(holder);
  assert.match(
    result.error ?? '',
    /^lost the lock \/spicerack\/locks\/custom\/c\/c1: broken by bob@\S+ \[break-lock\/\S+\]: stuck since noon/,
  );
  assert.ok(stage.effects().includes('undo c1'));
  await stage.until(entered(two));
  const audit = stage.relay.messages.filter((message) => message.includes('break-lock'));
  assert.equal(audit.length, 1, audit.join('\n'));
  assert.match(
    audit[0] ?? '',
    /^!log bob@\S+ DONE \(PASS\) - Cookbook break-lock \(exit_code=0\) custom\/c held by alice@laptop \[c1\]: stuck since noon \[break-lock\/\S+\]$/,
  );
  await ended('c', [waiter]);
});

test('at a terminal it asks first, and nothing happens without a go', async () => {
  const { holder, waiter } = await holderAndWaiter('d');
  const going = cli.start(['locks', 'break', own('d'), '--reason', 'to see'], { terminal: true });
  await going.until(/Break this lock\? Type "go" to proceed or "abort" to leave it[^]*> /);
  going.type('abort\r');
  assert.equal((await going.ended).code, 1);
  assert.match(going.output, /not broken/);
  assert.ok((await stage.locks()).includes(`${own('d')}/d1`));
  await ended('d', [holder, waiter]);
});

test('what cannot be broken is refused with the way out', async () => {
  for (const run of ['one', 'two'])
    await stage.etcd.ctl('put', `${own('e')}/${run}`, JSON.stringify({ run, concurrency: 2 }));
  for (const [args, text] of [
    [[own('e')], /^say why: cookbook locks break KEY --reason 'TEXT'\n$/],
    [[own('nobody'), '--reason', 'x'], /^nobody holds \/spicerack\/locks\/custom\/nobody: see 'cookbook locks'\n$/],
    [[own('e'), '--reason', 'x'], /custom\/e has 2 holders: say with --run which of one, two\n$/],
    [[own('e'), '--reason', 'x', '--run', 'three'], /^three does not hold .*: its holders are one, two\n$/],
    [[own('e'), '--reason', 'x', '--run', 'one'], /there is no terminal to confirm it at: add --force/],
  ] as const) {
    const { code, stderr } = await cli.run(['locks', 'break', ...args]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, text);
  }
  const broken = await cli.run(['locks', 'break', `${own('e')}/one`, '--reason', 'left over', '--force']);
  assert.equal(broken.code, 0, broken.stderr);
  assert.match(broken.stderr, /no run one is known here/);
  assert.deepEqual(await stage.locks(), [`${own('e')}/two`]);
});
