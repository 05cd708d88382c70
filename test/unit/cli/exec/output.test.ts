import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatted } from '../../../../src/cli/exec/output.ts';
import type { Execution } from '../../../../src/model/execution.ts';

const result = (host: string, output: string, exitCode = 0) =>
  ({ host, index: 0, command: 'c', exitCode, ok: exitCode === 0, output, truncatedBytes: 0, durationMs: 7 }) as const;
const given: Execution = {
  mode: 'sync',
  hosts: ['host2', 'host3', 'host4', 'host10'],
  commands: [{ command: 'c' }],
  successThreshold: 1,
  results: [result('host2', 'a\nb \u00e9\u007f\n\nlast'), result('host3', '', 1), result('host10', 'x\n')],
};

test('txt has each line with its host, hosts by their letters', () => {
  assert.deepEqual(formatted(given, 'txt'), [
    '_____FORMATTED_OUTPUT_____',
    ...['host10: x', 'host2: a', 'host2: b \u00e9\u007f', 'host2: ', 'host2: last'],
  ]);
});

test('json is one object as Python writes it, without hosts that said nothing', () => {
  assert.equal(
    formatted(given, 'json').join('\n'),
    '_____FORMATTED_OUTPUT_____\n{\n    "host10": "x",\n    "host2": "a\\nb \\u00e9\\u007f\\n\\nlast"\n}',
  );
  assert.deepEqual(formatted({ ...given, results: [] }, 'json'), ['_____FORMATTED_OUTPUT_____', '{}']);
});

test('ndjson has an object a line for each host and command, and for hosts that were not contacted', () => {
  const objects = formatted(given, 'ndjson').map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(objects[1], {
    ...{ host: 'host3', command: 'c', exitCode: 1, ok: false, output: '', durationMs: 7, error: null },
  });
  assert.equal(objects.length, 4);
  assert.deepEqual(objects[3], {
    ...{ host: 'host4', command: 'c', exitCode: null, ok: false, output: '', durationMs: 0 },
    error: { kind: 'failed', code: 'NOT_CONTACTED', message: 'no command was sent to it' },
  });
});
