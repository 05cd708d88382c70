import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostResult } from '../../../src/model/remote-result.ts';
import { RemoteHosts } from '../../../workflows/spicerack/remote.ts';
import { RemoteResults } from '../../../workflows/spicerack/remote-results.ts';

/** Pairs of folded hosts and output. */
function pairs(commands: string[], outputs: Record<string, string[]>): [string, string][] {
  const results = commands.flatMap((command, index) =>
    Object.entries(outputs).map(([host, of]): HostResult => {
      return { host, command, index, exitCode: 0, output: of[index] ?? '', truncatedBytes: 0, durationMs: 1, ok: true };
    }),
  );
  const execution = {
    mode: 'sync',
    hosts: Object.keys(outputs),
    commands: commands.map((command) => ({ command })),
    results,
    successThreshold: 1,
  } as const;
  const subset = (hosts: string[]) => new RemoteHosts(hosts.map((name) => ({ name })));
  return [...new RemoteResults(execution, subset)].map(([hosts, output]) => [hosts.folded, output]);
}

test('hosts are grouped by what they said to each command, the first host first', () => {
  assert.deepEqual(pairs(['date', 'id'], { web1: ['1', 'root'], web2: ['2', 'root'], web3: ['1', ''] }), [
    ['web[1,3]', '1'],
    ['web2', '2'],
    ['web[1-2]', 'root'],
  ]);
});

test('a command that is run twice is two commands', () => {
  assert.deepEqual(pairs(['date', 'date'], { web1: ['1', '1'], web2: ['1', '1'] }), [
    ['web[1-2]', '1'],
    ['web[1-2]', '1'],
  ]);
});
