import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FleetHost, RunContext, RunStatusReport, StepReport } from '../../../src/model/run.ts';
import { renderDetails } from '../../../workflows/engine/details.ts';
import { largeFleet } from '../../support/world/large-fleet.ts';

const context: RunContext = {
  user: 'alice',
  host: 'cumin1001',
  dryRun: false,
  noLocks: false,
  verbose: false,
  onFailure: 'rollback',
};
const at = Date.UTC(2026, 10, 22, 3, 12, 5);
const step = (name: string, state: StepReport['state'], error?: string): StepReport => ({
  name,
  kind: 'write',
  state,
  startedAt: at,
  ...(state !== 'running' && { endedAt: at + 2500 }),
  ...(error !== undefined && { error }),
});
const quiet: RunStatusReport = {
  cookbook: 'sre.hosts.reimage',
  phase: 'running',
  dryRun: false,
  description: 'for host db1',
  hosts: [],
  steps: [],
  stepsOmitted: 0,
  prompts: [],
  locks: [],
  undo: [],
};
const page = (status: Partial<RunStatusReport>, given: Partial<RunContext> = {}) =>
  renderDetails({ ...quiet, ...status }, 'r/1', { ...context, ...given });
const fleetOf = (hosts: FleetHost[], more = {}) => ({
  fleet: { cookbook: 'sre.hosts.reimage', width: 2, paused: false, mayFail: 0, hosts, ...more },
});
const inOrder = (text: string, ...parts: string[]) => {
  const places = parts.map((part) => text.indexOf(part));
  assert.ok(!places.includes(-1), `${parts[places.indexOf(-1)] ?? ''}\nis missing in\n${text}`);
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
    text,
  );
};

test('a page begins with what runs, who started it and why', () => {
  assert.equal(
    page({}, { reason: 'kernel', task: 'T1', onFailure: 'hold' }).split('\n\n')[0],
    '**sre.hosts.reimage** for host db1\n**running**, started by **alice** on cumin1001: kernel (T1)\nWhen a step fails, a person is asked before anything is undone.',
  );
  assert.match(page({ dryRun: true }), /\*\*running\*\*, dry run: nothing is changed, started by/);
  assert.equal(
    page({ unverified: ['web[1-3]', 'db1'] }).split('\n')[2],
    '**Not verified:** the host keys of web\\[1-3\\], db1',
  );
  assert.equal(
    page({ told: ['lost the lock x: broken by bob'] }).split('\n')[2],
    '**Told:** lost the lock x: broken by bob',
  );
  assert.match(page({}, { user: '-' }), /started without 'cookbook': it may look and change nothing/);
});

test('what failed stands above the question, the hosts and the steps; the commands to go on come last', () => {
  const text = page({
    steps: [step('first', 'done'), step('second', 'failed', 'no route'), step('third', 'running')],
    prompts: [{ id: '1', message: 'go on?', choices: ['go', 'roll back'], since: at }],
    ...fleetOf([{ host: 'db1', state: 'running', startedAt: at }]),
    undo: ['second', 'first'],
    locks: ['/spicerack/locks/cookbooks/x'],
  });
  inOrder(
    text,
    '> **Failed:** second: no route',
    '> **This run needs an answer** since 2026-11-22 03:12:05 UTC: go on?',
    "- `cookbook answer r/1 go`\n- `cookbook answer r/1 'roll back'`",
    '**1 host** by sre.hosts.reimage, 2 at a time: 1 running',
    '| [db1](namespaces/{namespace}/workflows/r%2F1%2Fdb1)\u2003 | ▶\u00a0running since 2026-11-22 03:12:05 UTC |',
    '| first\u2003 | ✓\u00a0done in 2.5s |',
    '| second\u2003 | ✗\u00a0failed after 2.5s: no route |',
    '| third\u2003 | ▶\u00a0**now**, since 2026-11-22 03:12:05 UTC |',
    'Holds the locks /spicerack/locks/cookbooks/x',
    'Cancelling it undoes, in this order: second, first.',
    '- `cookbook cancel r/1` stops it and undoes what it did',
    '- `cookbook fleet r/1 pause`',
  );
});

test('a step that failed and was repeated is no trouble any more, nor is one a person is asked about', () => {
  assert.doesNotMatch(page({ steps: [step('x', 'failed', 'no'), step('x', 'done')] }), /Failed/);
  const asked = {
    prompts: [{ id: '1', message: "step 'x' failed: no", since: at }],
    steps: [step('x', 'failed', 'no')],
  };
  assert.doesNotMatch(page(asked), /\*\*Failed/);
});

test('every other state of a step is told', () => {
  const text = page({
    steps: [
      step('a', 'skipped', 'said bob'),
      step('b', 'planned'),
      step('c', 'undone'),
      step('d', 'undo failed', 'gone'),
      step('e', 'unknown', 'lost'),
      { ...step('prompt: go on?', 'done', 'go (bob)'), kind: 'prompt' },
    ],
  });
  inOrder(
    text,
    '> **NOT undone:** d: gone',
    '> **Nobody knows whether it took place:** e: lost',
    '–\u00a0skipped: said bob',
    '…\u00a0would be done',
    '↩\u00a0undone in 2.5s',
    '✗\u00a0**NOT undone**: gone',
    '?\u00a0nobody knows: lost',
    '✓\u00a0answered after 2.5s: go (bob)',
  );
});

test('of several prompts each command names its own, and free text is asked for', () => {
  const prompts = ['1', '2'].map((id) => ({ id, message: 'which colour?', since: at }));
  assert.match(page({ prompts }), /`cookbook answer r\/1 'YOUR ANSWER' --prompt 2`/);
});

test('a host that waits for a person is asked for by name, with its own commands', () => {
  const parked: FleetHost = {
    host: 'db2',
    state: 'parked',
    startedAt: at,
    error: 'retry?',
    choices: ['retry', 'skip'],
  };
  const text = page(fleetOf([{ host: 'db1', state: 'pending' }, parked]));
  inOrder(text, '> **db2 needs an answer**: retry?', '- `cookbook answer r/1/db2 retry`', '?\u00a0needs an answer |');
  assert.match(text, /\*\*No further host starts:\*\* 1 failed or need an answer, at most 0 may\./);
});

test('hosts in trouble come first, and why no other starts is told', () => {
  const hosts: FleetHost[] = [
    { host: 'db1', state: 'done', startedAt: at, endedAt: at + 60_000 },
    { host: 'db2', state: 'pending' },
    { host: 'db3', state: 'failed', startedAt: at, endedAt: at + 60_000, error: 'no route' },
    { host: 'db4', state: 'skipped' },
    { host: 'db5', state: 'cancelled', startedAt: at, endedAt: at + 60_000 },
  ];
  const text = page(fleetOf(hosts, { paused: true, mayFail: 1, canaries: 1 }));
  inOrder(
    text,
    '**5 hosts** by sre.hosts.reimage, 2 at a time: 1 failed, 1 cancelled, 1 not started, 1 skipped, 1 done',
    '**Paused:** no further host starts.',
    'The first host goes alone; the others start once it has passed.',
    '✗\u00a0failed after 1m: no route',
    '↩\u00a0cancelled after 1m',
    '| db2\u2003 | …\u00a0not started |',
    '–\u00a0skipped',
    '✓\u00a0done in 1m',
    '`cookbook fleet r/1 resume`',
  );
  assert.doesNotMatch(text, /No further host starts:/);
});

test('many hosts without trouble are folded', () => {
  const hosts = Array.from({ length: 90 }, (_, i): FleetHost => ({
    host: `db${100 + i}.lab`,
    state: i < 40 ? 'done' : i < 41 ? 'running' : 'pending',
    startedAt: at,
  }));
  const text = page(fleetOf(hosts));
  assert.match(text, /- ✓\u00a0done: db\\\[100-139\\\]\.lab/);
  assert.match(text, /- …\u00a0not started: db\\\[141-189\\\]\.lab/);
  assert.match(text, /\| \[db140\.lab\]\(.*\)\u2003 \| ▶\u00a0running/);
});

test('a run that has ended shows no commands for it', () => {
  for (const phase of ['PASS', 'FAIL', 'ERROR']) assert.doesNotMatch(page({ phase, undo: ['x'] }), /cookbook|undoes/);
});

test('the page of 1,000 hosts with long texts stays below 20,000 bytes and keeps its parts', () => {
  const text = renderDetails(largeFleet, 'wmcs.openstack.cloudvirt.reimage-fleet/20261122-031205-alice-4f2a', context);
  assert.ok(Buffer.byteLength(text) < 20_000, `${Buffer.byteLength(text)} bytes`);
  inOrder(
    text,
    '> **NOT undone:** step 198',
    '> **This run needs an answer**',
    ' more need an answer: `cookbook prompts` lists them.',
    '**1000 hosts** by world.one-host, 10 at a time: 100 need an answer, 100 failed, 100 cancelled',
    '| host\u2003 | state |',
    '- ✗\u00a0failed: ',
    ' and 200 more',
    ' earlier steps are not shown.',
    '| step 199 ',
    '`cookbook cancel ',
  );
});

const text = fc.string({ unit: 'binary', maxLength: 3000 });
const steps = fc.array(
  fc.record({
    name: text,
    kind: fc.constantFrom<StepReport['kind']>('read', 'write', 'prompt'),
    state: fc.constantFrom<StepReport['state']>('running', 'done', 'failed', 'undo failed'),
    startedAt: fc.constant(at),
    endedAt: fc.constant(at + 1),
    error: text,
  }),
  { maxLength: 60 },
);
const prompt = fc.record({
  id: fc.constantFrom('1', '2'),
  message: text,
  choices: fc.array(text, { maxLength: 20 }),
  since: fc.constant(at),
});

test('no text, however long or odd, takes a page above the 20,000 bytes that the server takes', () => {
  const anything = fc.record({ steps, prompts: fc.array(prompt), locks: fc.array(text), undo: fc.array(text) });
  fc.assert(
    fc.property(anything, text, fc.string({ maxLength: 900 }), (odd, reason, run) => {
      const status = { ...largeFleet, ...odd };
      const size = Buffer.byteLength(renderDetails(status, run, { ...context, reason, onFailure: 'hold' }));
      assert.ok(size <= 20_000, `${size} bytes`);
    }),
    { numRuns: 50 },
  );
});
