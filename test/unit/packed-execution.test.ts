import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Execution } from '../../src/model/execution.ts';
import { expand } from '../../src/model/host-set.ts';
import { mostReported, pack, unpackExecution } from '../../src/model/packed-execution.ts';

const of = (outputs: string[], hosts = `host[1-${outputs.length}]`): Execution => ({
  mode: 'sync',
  hosts: expand(hosts),
  commands: [{ command: 'c', okCodes: [0, 1] }],
  successThreshold: 0.5,
  results: expand(hosts).map((host, i) => ({
    ...{ host, index: 0, command: 'c', exitCode: 0, ok: true, durationMs: i, truncatedBytes: 0 },
    output: outputs[i] ?? '',
  })),
});
const round = (execution: Execution, most?: number) =>
  unpackExecution(JSON.parse(JSON.stringify(pack(execution, most))) as ReturnType<typeof pack>);

test('what is unpacked is what was packed, each distinct output once', () => {
  const given = of(['a', 'b', 'a', 'a']);
  assert.deepEqual(round(given), given);
  assert.equal(pack(given).packed.outputs.length, 2);
});

test('a thousand hosts that said the same take little more than their names', () => {
  const given = of(Array.from({ length: 1000 }, () => 'x'.repeat(30_000)));
  assert.ok(JSON.stringify(pack(given)).length < 100_000);
});

test('within the bound short outputs stay whole, long ones keep head and tail, and different ones stay apart', () => {
  const long = (end: string) => `head ${'\u{1F600}'.repeat(2000)}${'\u0001'.repeat(2000)}${end}`;
  const packed = pack(of(['short', long('A'), long('B')]), 10_000);
  const { results } = unpackExecution(packed);
  assert.ok(Buffer.byteLength(JSON.stringify(packed.packed.outputs)) < 11_000);
  const [short, a, b] = results;
  assert.deepEqual([short?.output, short?.truncatedBytes], ['short', 0]);
  for (const cut of [a, b]) {
    assert.match(cut?.output ?? '', /^head .*\n\[\.\.\. \d+ bytes left out \.\.\.\]\n/su);
    assert.ok(cut?.output.isWellFormed());
    const kept = Buffer.byteLength((cut?.output ?? '').replace(/\n\[\.\.\. \d+ bytes left out \.\.\.\]\n/, ''));
    assert.equal(kept + (cut?.truncatedBytes ?? 0), Buffer.byteLength(long('A')));
  }
  assert.ok(a?.digest !== undefined && a.digest !== b?.digest);
});

test('the most results there may be fit into what a run hands back, whatever they say', () => {
  const hosts = Array.from({ length: 10_000 }, (_, i) => `host${10_000 + i}.example`);
  const commands = Array.from({ length: mostReported / hosts.length }, (_, i) => ({ command: `command ${i}` }));
  const error = (host: string, i: number) => ({
    kind: 'failed' as const,
    code: 'UNREACHABLE',
    message: `${host}: does not answer ${i % 500} ${'x'.repeat(300)}`,
  });
  const results = commands.flatMap(({ command }, index) =>
    hosts.map((host, i) => ({
      ...{ host, index, command, exitCode: null, ok: false, durationMs: 100_000 + i, truncatedBytes: 0 },
      output: `${host} said ${'y'.repeat(100)}\n`,
      error: error(host, i),
    })),
  );
  const all: Execution = { mode: 'sync', hosts, commands, successThreshold: 0, results };
  const met = { command: 4, executing: hosts.slice(0, 5000), pending: hosts.slice(5000) };
  const packed = pack({ ...all, cancelled: met });
  assert.ok(JSON.stringify(packed).length < 2 * 1024 * 1024 - 50_000);
  const { cancelled, results: unpacked } = unpackExecution(packed);
  assert.deepEqual(cancelled, met);
  assert.equal(unpacked.length, mostReported);
  assert.match(unpacked[0]?.output ?? '', /^host10000.example said y+\n$/);
  assert.match(unpacked.at(-1)?.output ?? '', /^\[... left out, there are too many different outputs/);
  assert.equal(unpacked[9]?.error?.message.slice(0, 36), 'host10009.example: does not answer 9');
});

test('whom a time-out met comes out again, also when it was nobody', () => {
  const given = { ...of(['a', 'b']), globalTimeout: { command: 0, executing: ['host2'], pending: [] } };
  assert.deepEqual(round(given), given);
});
