import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packResults, unpackResults } from '../../src/model/slice-result.ts';

const commands = [{ command: 'one' }, { command: 'two', okCodes: [0, 3] }];

test('results come out of their packing as they went in', () => {
  const outputs = [
    { text: '', truncatedBytes: 0 },
    { text: 'said\n', truncatedBytes: 7, digest: '12:x' },
  ];
  const error = { kind: 'failed' as const, code: 'UNREACHABLE', message: 'b cannot be reached: b is off' };
  const results = [
    { host: 'a', index: 0, exitCode: 1, durationMs: 5, output: 1 },
    { host: 'b', index: 0, exitCode: null, durationMs: 6, output: 0, error },
    { host: 'a', index: 1, exitCode: 3, durationMs: 7, output: 0 },
    { host: 'a', index: 1, exitCode: null, durationMs: 8, output: 0, signal: 'SIGKILL' },
  ];
  const said = { command: 'one', output: 'said\n', truncatedBytes: 7, digest: '12:x' };
  assert.deepEqual(unpackResults(['a', 'b'], commands, packResults(['a', 'b'], results, outputs)), [
    { host: 'a', index: 0, exitCode: 1, durationMs: 5, ok: false, ...said },
    {
      host: 'b',
      index: 0,
      exitCode: null,
      durationMs: 6,
      ok: false,
      error,
      command: 'one',
      output: '',
      truncatedBytes: 0,
    },
    { host: 'a', index: 1, exitCode: 3, durationMs: 7, ok: true, command: 'two', output: '', truncatedBytes: 0 },
    {
      ...{ host: 'a', index: 1, exitCode: null, signal: 'SIGKILL', durationMs: 8 },
      ...{ ok: false, command: 'two', output: '', truncatedBytes: 0 },
    },
  ]);
});

test('1,000 hosts with the longest names, twenty commands and an error each travel in well under 1 MiB', () => {
  const hosts = Array.from({ length: 1000 }, (_, i) => `${'x'.repeat(240)}${i * 7919}.example`);
  const results = hosts.flatMap((host, i) =>
    Array.from({ length: 20 }, (_, index) => ({
      ...{ host, index, exitCode: null, durationMs: 123_456, output: i },
      error: { kind: 'unknown' as const, code: 'CONNECTION_LOST', message: `${host}: ${i} ${'why '.repeat(500)}` },
    })),
  );
  const packed = packResults(hosts, results, []);
  const size = JSON.stringify(packed).length;
  assert.ok(size < 900_000, String(size));
  const [first] = unpackResults(hosts, [{ command: 'x' }], packed);
  assert.ok(first?.error?.message.startsWith(`${hosts[0]}: 0 why `));
});
