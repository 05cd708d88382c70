import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Report } from '../../../../src/cli/exec/report.ts';
import { percent, shortened } from '../../../../src/cli/exec/style.ts';
import { Teller } from '../../../../src/cli/exec/told.ts';
import { type Execution, cancellationOf } from '../../../../src/model/execution.ts';
import { expand } from '../../../../src/model/host-set.ts';
import { pack } from '../../../../src/model/packed-execution.ts';
import type { HostResult } from '../../../../src/model/remote-result.ts';

/** What each host said and how it ended: an exit status, `timeout`, or an error's text. */
type Ends = Record<string, [output: string, end?: number | string]>;

/** An execution; `ends` command by command. */
function execution(ends: Ends[], rest: Partial<Omit<Execution, 'commands'>> & { commands?: string[] } = {}): Execution {
  const commands = rest.commands ?? ends.map((_, index) => `cmd${index + 1}`);
  const results = ends.flatMap((ofCommand, index) =>
    Object.entries(ofCommand).flatMap(([folded, [output, end = 0]]) =>
      expand(folded).map((host) => result(host, index, commands[index] ?? '', output, end)),
    ),
  );
  return {
    mode: 'sync',
    hosts: expand(Object.keys(ends[0] ?? {}).join()),
    successThreshold: 1,
    ...rest,
    commands: commands.map((command) => ({ command })),
    results,
  };
}

function result(host: string, index: number, command: string, output: string, end: number | string): HostResult {
  const base = { host, index, command, output, truncatedBytes: 0, durationMs: 1 };
  if (typeof end === 'number') return { ...base, exitCode: end, ok: end === 0 };
  const error =
    end === 'timeout'
      ? { kind: 'failed' as const, code: 'COMMAND_TIMEOUT', message: `${host}: took too long` }
      : { kind: 'failed' as const, code: 'UNREACHABLE', message: `${host}: ${end}` };
  return { ...base, exitCode: null, ok: false, error };
}

const plain = { stdout: false, stderr: false };
const said = (given: Execution, colors = plain) => {
  const lines = new Report(given, colors).lines();
  const of = (stream: 'stdout' | 'stderr') => lines.filter(({ to }) => to === stream).map(({ text }) => text);
  return { stdout: of('stdout'), stderr: of('stderr') };
};

// The texts are what Cumin 6.0.0 printed for the same (test/integration/cumin compares the two on real hosts).

test('hosts that said the same are a group', () => {
  assert.deepEqual(said(execution([{ 'host[1-2,4]': ['ok\n'], 'host[3,5]': ['other\ntwo lines\n'] }])), {
    stdout: [
      '===== NODE GROUP =====',
      '(3) host[1-2,4]',
      "----- OUTPUT for command #1: 'cmd1' -----",
      'ok',
      '===== NODE GROUP =====',
      '(2) host[3,5]',
      "----- OUTPUT for command #1: 'cmd1' -----",
      'other\ntwo lines',
      '================',
    ],
    stderr: [
      "100.0% (5/5) success ratio (>= 100.0% threshold) for command #1: 'cmd1'.",
      '100.0% (5/5) success ratio (>= 100.0% threshold) of nodes successfully executed all commands.',
    ],
  });
});

test('no output at all, and output that is an empty line', () => {
  assert.deepEqual(said(execution([{ 'host[1-3]': [''] }])).stdout, ['===== NO OUTPUT =====']);
  assert.deepEqual(said(execution([{ 'host[1-3]': ['\n'] }])).stdout, [
    '===== NODE GROUP =====',
    '(3) host[1-3]',
    "----- NO OUTPUT for command #1: 'cmd1' -----",
    '================',
  ]);
});

test('an end of the last line, carriage returns before it and lines that were overwritten make no difference', () => {
  const [, group] = said(execution([{ host1: ['a\nb'], host2: ['a\nb\n'], host3: ['a\r\n10%\r99%\rb\r\n'] }])).stdout;
  assert.equal(group, '(3) host[1-3]');
});

test('a failure below the threshold aborts', () => {
  assert.deepEqual(said(execution([{ 'host[1-2,4-5]': [''], host3: ['', 1] }, {}])), {
    stdout: ['===== NO OUTPUT ====='],
    stderr: [
      "20.0% (1/5) of nodes failed to execute command #1: 'cmd1': host3",
      "80.0% (4/5) success ratio (< 100.0% threshold) for command #1: 'cmd1'. Aborting.: host[1-2,4-5]",
      '0.0% (0/5) success ratio (< 100.0% threshold) of nodes successfully executed all commands. Aborting.',
    ],
  });
});

test('in mode sync each command has its report', () => {
  const given = execution(
    [
      { 'host[1-2,4-5]': [''], host3: ['', 1] },
      { 'host[1-2,4-5]': ['two\n'] },
      { 'host[1-2,4]': [''], host5: ['', 1] },
    ],
    { successThreshold: 0.5 },
  );
  assert.deepEqual(said(given), {
    stdout: [
      '===== NO OUTPUT =====',
      '===== NODE GROUP =====',
      '(4) host[1-2,4-5]',
      "----- OUTPUT for command #2: 'cmd2' -----",
      'two',
      '================',
      '===== NO OUTPUT =====',
    ],
    stderr: [
      "20.0% (1/5) of nodes failed to execute command #1: 'cmd1': host3",
      "80.0% (4/5) success ratio (>= 50.0% threshold) for command #1: 'cmd1'.: host[1-2,4-5]",
      "80.0% (4/5) success ratio (>= 50.0% threshold) for command #2: 'cmd2'.: host[1-2,4-5]",
      "20.0% (1/5) of nodes failed to execute command #3: 'cmd3': host5",
      "60.0% (3/5) success ratio (>= 50.0% threshold) for command #3: 'cmd3'.: host[1-2,4]",
      '60.0% (3/5) success ratio (>= 50.0% threshold) of nodes successfully executed all commands.: host[1-2,4]',
    ],
  });
});

test('in mode async all of it comes at the end, failures before time-outs, commands without output left out', () => {
  const given = execution([{ 'host[1,3-4]': ['begin\n'], host2: ['begin\n', 'timeout'] }, { 'host[1,3-4]': ['', 1] }], {
    mode: 'async',
  });
  assert.deepEqual(said(given), {
    stdout: [
      '===== NODE GROUP =====',
      '(4) host[1-4]',
      "----- OUTPUT for command #1: 'cmd1' -----",
      'begin',
      '================',
    ],
    stderr: [
      "75.0% (3/4) of nodes failed to execute command #2: 'cmd2': host[1,3-4]",
      "25.0% (1/4) of nodes timeout while executing command #1: 'cmd1': host2",
      '0.0% (0/4) success ratio (< 100.0% threshold) of nodes successfully executed all commands. Aborting.',
    ],
  });
});

test('the global time-out says whom it met', () => {
  const given = execution([{ 'host[1,3-4]': ['begin\n'], host2: ['begin\n', 'timeout'] }], {
    globalTimeout: { command: 0, executing: ['host2'], pending: [] },
    commands: ['cmd1', 'cmd2'],
  });
  assert.deepEqual(said(given).stderr, [
    '25.0% (1/4) of nodes were executing a command when the global timeout occurred: host2',
    '0.0% (0/4) of nodes were pending execution when the global timeout occurred: ',
    "25.0% (1/4) of nodes timeout while executing command #1: 'cmd1': host2",
    "75.0% (3/4) success ratio (< 100.0% threshold) for command #1: 'cmd1'. Aborting.: host[1,3-4]",
    '0.0% (0/4) success ratio (< 100.0% threshold) of nodes successfully executed all commands. Aborting.',
  ]);
});

const ended = { kind: 'failed' as const, code: 'CANCELLED', message: 'host2: given up' };

test('a run that was cancelled tells whom that met, and nothing of the threshold of the command under way', () => {
  const given = execution([{ 'host[1-4]': ['one\n'] }, { 'host[1-2]': ['two\n'] }]);
  const results = given.results.map((one) =>
    one.index === 1 && one.host === 'host2' ? { ...one, ok: false, exitCode: null, error: ended } : one,
  );
  const cancelled = { ...given, results, cancelled: cancellationOf({ ...given, results }) };
  assert.deepEqual(said(cancelled).stderr, [
    "100.0% (4/4) success ratio (>= 100.0% threshold) for command #1: 'cmd1'.",
    '25.0% (1/4) of nodes were executing a command, which was ended, when the run was cancelled: host2',
    "50.0% (2/4) of nodes had not been sent command #2: 'cmd2' when the run was cancelled: host[3-4]",
    '25.0% (1/4) success ratio (< 100.0% threshold) of nodes successfully executed all commands. Aborting.: host1',
  ]);
});

test('what may still run after a cancellation is named with its reason, in mode async too', () => {
  const given = execution([{ 'host[1-2]': [''] }], { mode: 'async', hosts: expand('host[1-3]') });
  const error = { kind: 'unknown' as const, code: 'STILL_RUNNING', message: 'host2: may still run' };
  const results = given.results.map((one) => (one.host === 'host2' ? { ...one, ok: false, error } : one));
  const cancelled = { ...given, results, cancelled: cancellationOf({ ...given, results }) };
  assert.deepEqual(said(cancelled).stderr.slice(0, 3), [
    '33.3% (1/3) of nodes were executing a command, which was ended, when the run was cancelled: host2',
    '  host2: may still run',
    '33.3% (1/3) of nodes had not been sent any command when the run was cancelled: host3',
  ]);
});

test('in mode sync commands are told as they end, each once, and the rest at the end', () => {
  const all = execution([{ 'host[1-2]': ['one\n'] }, { 'host[1-2]': ['two\n'] }, { 'host[1-2]': ['three\n'] }]);
  const upTo = (count: number) => pack({ ...all, results: all.results.filter(({ index }) => index < count) });
  const heads = (lines: readonly { text: string }[]) =>
    lines.flatMap(({ text }) => /^-+ OUTPUT for (command #\d)/.exec(text)?.[1] ?? []);
  const teller = new Teller('', plain);
  assert.deepEqual(heads(teller.soFar(upTo(1))), ['command #1']);
  assert.deepEqual(heads(teller.soFar(upTo(1))), []);
  assert.deepEqual(heads(teller.soFar(upTo(2))), ['command #2']);
  assert.deepEqual(heads(teller.end(pack(all))), ['command #3']);
  assert.deepEqual(new Teller('', plain).soFar({ ...upTo(1), mode: 'async' }), []);
  const met = { command: 0, executing: 'host1', pending: '' };
  assert.deepEqual(new Teller('', plain).soFar({ ...upTo(1), globalTimeout: met }), []);
  const quiet = new Teller('', plain).soFar({ ...upTo(1), output: 'ndjson' });
  assert.deepEqual(
    quiet.map(({ to }) => to),
    ['stderr'],
  );
});

test('one host has no groups', () => {
  assert.deepEqual(said(execution([{ host1: ['1\n'] }, { host1: ['2\n', 1] }])).stdout, [
    "----- OUTPUT for command #1: 'cmd1' -----",
    '1',
    '================',
    "----- OUTPUT for command #2: 'cmd2' -----",
    '2',
    '================',
  ]);
  assert.deepEqual(said(execution([{ host1: ['1\n'] }, { host1: ['2\n', 1] }], { mode: 'async' })).stdout, [
    "----- OUTPUT for command #1: 'cmd1' -----",
    '1',
    "----- OUTPUT for command #2: 'cmd2' -----",
    '2',
    '================',
  ]);
});

test('why hosts could not be reached stands below the line that counts them', () => {
  const [, first, second] = said(
    execution([{ host1: [''], 'host[2-3]': ['', 'does not answer'], host4: ['', 'no such host'] }]),
  ).stderr;
  assert.deepEqual([first, second], ['  host[2-3]: does not answer', '  host4: no such host']);
});

test('outputs that differ only in what was left out stay apart', () => {
  const given = execution([{ 'host[1-2]': ['head\n[...]\ntail\n'] }]);
  const results = given.results.map((one, i) => ({ ...one, truncatedBytes: 9, digest: `digest ${i}` }));
  assert.equal(said({ ...given, results }).stdout.filter((line) => line.startsWith('(1)')).length, 2);
});

test("the colours are Cumin's", () => {
  const { stdout, stderr } = said(execution([{ host1: ['ok\n'], host2: ['', 1] }]), { stdout: true, stderr: true });
  assert.deepEqual(stdout, [
    '\u001b[34m===== NODE GROUP =====\u001b[39m',
    '\u001b[36m(1) host1\u001b[39m',
    "\u001b[34m----- OUTPUT for command #1: 'cmd1' -----\u001b[39m",
    'ok',
    '\u001b[34m================\u001b[39m',
  ]);
  assert.equal(
    stderr[0],
    "\u001b[31m50.0% (1/2) of nodes failed to execute command #1: 'cmd1': \u001b[39m\u001b[36mhost2\u001b[39m",
  );
});

test('long commands keep beginning and end, percentages are rounded as Python does', () => {
  assert.equal(shortened('echo begin; [ ${HOME##*/host} -ne 2 ] || sleep 30'), 'echo begin; [ ${... 2 ] || sleep 30');
  assert.equal(shortened('x'.repeat(35)).length, 35);
  assert.deepEqual([1 / 16, 3 / 16, 2 / 3, 1 / 2000].map(percent), ['6.2%', '18.8%', '66.7%', '0.1%']);
});
