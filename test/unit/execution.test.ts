import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Execution, RemoteExecutionError, passed, statesOf } from '../../src/model/execution.ts';
import type { HostResult } from '../../src/model/remote-result.ts';

const hosts = ['h1', 'h2', 'h3', 'h4'];
const commands = [{ command: 'first' }, { command: 'second' }];

/** A result in short: 0 is success. */
const result = (host: string, index: number, exitCode: number | string): HostResult => ({
  host,
  index,
  command: commands[index]?.command ?? '',
  output: '',
  truncatedBytes: 0,
  durationMs: 1,
  ok: exitCode === 0,
  ...(typeof exitCode === 'number'
    ? { exitCode }
    : { exitCode: null, error: { kind: 'failed', code: exitCode, message: `${host}: no luck` } }),
});

const execution = (results: HostResult[], successThreshold = 1): Execution => ({
  mode: 'sync',
  hosts,
  commands,
  results,
  successThreshold,
});

const results = [
  ...[result('h1', 0, 0), result('h2', 0, 0), result('h3', 0, 3), result('h4', 0, 'COMMAND_TIMEOUT')],
  result('h1', 1, 0),
];

test('hosts are told apart by how a command ended, where it timed out and where it never came', () => {
  assert.deepEqual(statesOf(execution(results), 0), {
    success: ['h1', 'h2'],
    failed: ['h3'],
    timeout: ['h4'],
    notContacted: [],
  });
  assert.deepEqual(statesOf(execution(results), 1), { success: ['h1'], failed: [], timeout: [], notContacted: ['h2'] });
});

test('the status is that of Cumin: 0 all, 1 enough, 2 too few', () => {
  const all = hosts.flatMap((host) => [result(host, 0, 0), result(host, 1, 0)]);
  assert.equal(passed(execution(all)), 0);
  assert.equal(passed(execution(results, 0.25)), 1);
  assert.equal(passed(execution(results, 0.26)), 2);
  assert.equal(passed(execution([], 0)), 1);
});

test('the error names what failed where, and who was never contacted', () => {
  assert.equal(
    new RemoteExecutionError(execution([result('h1', 0, 0), result('h2', 0, 3), result('h3', 0, 'UNREACHABLE')]))
      .message,
    "'first' failed on 2 of 4 hosts: h2: exit status 3; h3: no luck; h4 not contacted",
  );
  assert.equal(
    new RemoteExecutionError(execution([...results, result('h2', 1, 1)], 0.9)).message,
    "commands failed on 3 of 4 hosts: h3: 'first': exit status 3; h4: 'first': no luck; h2: 'second': exit status 1",
  );
  assert.equal(
    new RemoteExecutionError(execution([result('h1', 0, 0)])).message,
    'the global time-out passed; h[2-4] not contacted',
  );
});

test('the error stays short, however many hosts have names that do not fold', () => {
  const many = Array.from({ length: 1000 }, (_, i) => `${'x'.repeat(200)}${(i * 7919).toString(36)}q`);
  const all = { mode: 'sync' as const, hosts: many, commands, successThreshold: 1 };
  const { message } = new RemoteExecutionError({
    ...all,
    results: many.slice(0, 500).map((host) => result(host, 0, 3)),
  });
  assert.ok(message.length < 1500, String(message.length));
  assert.match(
    message,
    /^'first' failed on 500 of 1000 hosts: .*\(500 hosts\): exit status 3; .*\(500 hosts\) not contacted$/,
  );
});
