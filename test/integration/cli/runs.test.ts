import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { searchAttributes } from '../../../src/model/search-attributes.ts';
import { testCli, type Going, type TestCli } from '../../support/cookbook-cli.ts';
import { startEtcd, type TestEtcd } from '../../support/etcd.ts';
import { startTemporal, type TemporalServer } from '../../support/temporal.ts';

let directory: string;
let etcd: TestEtcd;
let server: TemporalServer;
let cli: TestCli;
let worker: Going;
before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cli-temporal-'));
  etcd = await startEtcd();
  server = await startTemporal({ database: join(directory, 'temporal.db') });
  cli = testCli(`\
cookbooks_base_dirs: [${import.meta.dirname}]
logs_base_dir: DIRECTORY/logs
state_dir: DIRECTORY/state
temporal: { address: '${server.address}', ui: 'http://ui.example.org/' }
etcd: { hosts: ['${etcd.url}'] }
`);
  worker = await cli.worker();
});
after(async () => {
  await cli.stop();
  await server.stop();
  await etcd.stop();
  rmSync(directory, { recursive: true });
});

const runId = (going: Going) => going.until(/^(\w+\/\d{8}-\d{6}-\w+-[0-9a-f]{4})\r?$/m).then(([, id = '']) => id);
const waits = (going: Going) => going.until(/==> Go on with/);

test('a run is started with its id and page told, followed to its end, and its exit code is ours', async () => {
  const good = await cli.run(['returns', '0']);
  assert.equal(good.code, 0, good.stderr);
  assert.equal(good.stdout, '');
  const [id = '', page, end] = good.stderr.trimEnd().split('\n');
  assert.match(id, /^returns\/\d{8}-\d{6}-tester-[0-9a-f]{4}$/);
  assert.equal(page, `http://ui.example.org/namespaces/default/workflows/${encodeURIComponent(id)}`);
  assert.equal(end, 'END (PASS) - Cookbook returns (exit_code=0)');
  const bad = await cli.run(['returns', '7']);
  assert.equal(bad.code, 7);
  assert.match(bad.stderr, /END \(FAIL\) - Cookbook returns \(exit_code=7\)/);
});

test('the server knows who runs what: type, operator, phase, summary, input', async () => {
  const going = cli.start(['--task', 'T123', '--reason', 'to see', 'asks', 'two words'], { user: 'alice' });
  const id = await runId(going);
  await waits(going);
  const handle = server.client.workflow.getHandle(id);
  const { type, typedSearchAttributes, raw } = await handle.describe();
  assert.equal(type, 'asks');
  const { Operator, Phase, Task, NeedsAnswer, DryRun } = searchAttributes;
  const get = typedSearchAttributes.get.bind(typedSearchAttributes);
  assert.deepEqual(
    [get(Operator), get(Phase), get(Task), get(NeedsAnswer), get(DryRun)],
    ['alice', 'running', 'T123', true, false],
  );
  assert.match(
    Buffer.from(raw.executionConfig?.userMetadata?.summary?.data ?? []).toString(),
    /cookbook asks two words/,
  );
  const { events } = await handle.fetchHistory();
  const started = events?.[0]?.workflowExecutionStartedEventAttributes;
  const input = JSON.parse(Buffer.from(started?.input?.payloads?.[0]?.data ?? []).toString()) as Record<
    string,
    unknown
  >;
  assert.deepEqual(input['argv'], ['two words']);
  assert.deepEqual(input['args'], { word: 'two words' });
  assert.ok(started?.header?.fields?.['sumac-context']);
  assert.match(started.identity ?? '', /^alice@/);
  await cli.run(['answer', id, 'abort']);
  assert.equal((await going.ended).code, 99);
});

test('a dry run prints what it would do', async () => {
  const { code, stdout, stderr } = await cli.run(['-d', 'asks', 'it']);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, 'DRY-RUN: it would, in this order:\n  1. ask: Go on with it?\n');
  assert.match(stderr, /^DRY-RUN asks\//);
});

test('a prompt is shown with how to answer it, and answered from elsewhere', async () => {
  const going = cli.start(['asks', 'something']);
  const id = await runId(going);
  await going.until(new RegExp(`==> Go on with something\\?\\n    answer it: cookbook answer ${id} go\\|abort`));
  const listed = await cli.run(['ps']);
  assert.match(listed.stdout, /^RUN +COOKBOOK +OPERATOR +PHASE +SINCE +NEEDS ANSWER\n/);
  assert.match(listed.stdout, new RegExp(`^${id} +asks +tester +running +[-\\d]+ [:\\d]+ +yes$`, 'm'));
  const prompts = await cli.run(['prompts']);
  assert.match(
    prompts.stdout,
    new RegExp(`^${id} .*\\n  ==> Go on with something\\?\\n  cookbook answer ${id} go\\|abort$`, 'm'),
  );
  const shown = await cli.run(['show', id]);
  assert.match(shown.stdout, /^phase {5}running\nabout {5}with something$/m);
  assert.match(shown.stdout, /^prompt: Go on with something\? +prompt +running$/m);

  const refused = await cli.run(['answer', id, 'perhaps']);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /^'perhaps' is no answer to 'Go on with something\?'.*\n$/);
  const answered = await cli.run(['answer', id, 'go'], 'bob');
  assert.equal(answered.code, 0, answered.stderr);
  const { code, stderr } = await going.ended;
  assert.equal(code, 0);
  assert.match(stderr, /== bob answered: go\n/);

  const late = await cli.run(['answer', id, 'go']);
  assert.equal(late.code, 2);
  assert.match(late.stderr, new RegExp(`^${id} ended at .* \\(COMPLETED\\): see 'cookbook show ${id}'\\n$`));
  const ended = await cli.run(['show', id]);
  assert.match(ended.stdout, /\n\nEND \(PASS\) - Cookbook asks \(exit_code=0\)\n$/);
  assert.match((await cli.run(['ps', '--all'])).stdout, new RegExp(`^${id} +asks +tester +PASS `, 'm'));
});

test('without a terminal SIGINT detaches; another process attaches and gets the outcome', async () => {
  const going = cli.start(['asks', 'more']);
  const id = await runId(going);
  await waits(going);
  going.kill('SIGINT');
  const left = await going.ended;
  assert.equal(left.code, 130);
  assert.match(left.stderr, new RegExp(`detached, the run goes on: cookbook attach ${id}\\n$`));
  const attached = cli.start(['attach', id]);
  await waits(attached);
  assert.equal((await cli.run(['cancel', id], 'carol')).code, 0);
  const { code, stderr } = await attached.ended;
  assert.equal(code, 97);
  assert.match(stderr, /== cancelled by carol@.*\n/);
  assert.match(stderr, /END \(ERROR\) - Cookbook asks \(exit_code=97\): cancelled\n$/);
  assert.equal((await cli.run(['attach', id])).code, 97);
});

test('a terminated run ends with 99 and a warning that nothing was undone', async () => {
  const going = cli.start(['asks', 'terminate']);
  const id = await runId(going);
  await waits(going);
  await server.client.workflow.getHandle(id).terminate('by a test');
  const { code, stderr } = await going.ended;
  assert.equal(code, 99);
  assert.match(stderr, /exit_code=99\): terminated by .*: by a test\nWARNING: nothing was undone/);
});

test('at a terminal a prompt is asked there, until it is answered rightly', async () => {
  const going = cli.start(['asks', 'typing'], { terminal: true });
  await going.until(/==> Go on with typing\? \[go, abort\][^]*> /);
  going.type('perhaps\r');
  await going.until(/==> Invalid answer 'perhaps': type 'go' or 'abort'[^]*> /);
  going.type('go\r');
  assert.equal((await going.ended).code, 0, going.output);
});

test('at a terminal Ctrl-C asks: abort cancels the run and follows its rollback', async () => {
  const going = cli.start(['asks', 'aborting'], { terminal: true });
  await going.until(/==> Go on with aborting[^]*> /);
  going.type('\u0003');
  await going.until(/==> Ctrl-C: 'detach'[^]*> /);
  going.type('abort\r');
  assert.equal((await going.ended).code, 97, going.output);
  assert.match(going.output, /aborting: the run rolls back/);
  assert.match(going.output, /== rolling back/);
});

test('at a terminal Ctrl-C twice detaches, and an answer from elsewhere withdraws the question', async () => {
  const going = cli.start(['asks', 'leaving'], { terminal: true });
  const id = await runId(going);
  await going.until(/==> Go on with leaving[^]*> /);
  going.type('\u0003');
  await going.until(/==> Ctrl-C/);
  going.type('\u0003');
  assert.equal((await going.ended).code, 0, going.output);
  const again = cli.start(['attach', id], { terminal: true });
  await again.until(/==> Go on with leaving[^]*> /);
  assert.equal((await cli.run(['answer', id, 'go'], 'dora')).code, 0);
  assert.equal((await again.ended).code, 0, again.output);
  assert.match(again.output, /== dora answered: go/);
});

test('a run that waits for a lock says who holds it; one whose step fails and is repeated says why', async () => {
  const holder = cli.start(['exclusive']);
  const id = await runId(holder);
  await holder.until(/==> Go on alone/);
  const waiter = cli.start(['exclusive']);
  const waiting = await runId(waiter);
  await waiter.until(new RegExp(`… take the lock exclusive: waits for \\S+, held by .*${id}`));
  await etcd.kill();
  await waiter.until(/… take the lock exclusive: etcd .* \(attempt \d+/);
  await etcd.start();
  await cli.run(['answer', id, 'go']);
  assert.equal((await holder.ended).code, 0, holder.output);
  await waiter.until(/==> Go on alone/);
  await cli.run(['answer', waiting, 'go']);
  assert.equal((await waiter.ended).code, 0, waiter.output);
});

test('a server that goes away and comes back is waited for, and nothing is told twice', async () => {
  const going = cli.start(['asks', 'through']);
  const id = await runId(going);
  await waits(going);
  await server.kill();
  await sleep(3000);
  await server.restart();
  const answered = await cli.run(['answer', id, 'go']);
  assert.equal(answered.code, 0, answered.stderr);
  const { code, stderr } = await going.ended;
  assert.equal(code, 0, stderr);
  assert.equal(stderr.match(/==> Go on with/g)?.length, 1, stderr);
  assert.equal(stderr.match(/answered: go/g)?.length, 1, stderr);
});

test('a run without a worker says so; questions to it end with a clear line', async () => {
  const going = cli.start(['asks', 'alone']);
  const id = await runId(going);
  await waits(going);
  worker.kill('SIGKILL');
  await worker.ended;
  const shown = await cli.run(['show', id]);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /^state {5}not known: no worker on sumac answers for /m);
  const answered = await cli.run(['answer', id, 'go']);
  assert.equal(answered.code, 1);
  assert.match(answered.stderr, /^no worker took the answer within 10 s .*\n$/);
  await cli.run(['cancel', id]);
  await going.until(/… no worker on sumac takes up the run: is one running\?/);
  worker = await cli.worker();
  assert.ok([97, 0].includes((await going.ended).code ?? -1), going.output);
});
