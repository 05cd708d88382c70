import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barLines } from '../../../../src/cli/exec/bar.ts';
import { paint } from '../../../../src/cli/exec/style.ts';

const plain = paint(false);
const counts = { hosts: 20, done: 10, failed: 1, running: 4, elapsedMs: 5000 };

test('two bars tell who passed, failed, is at it or waits, and how long it takes', () => {
  const [pass, fail] = barLines(counts, 80, plain);
  assert.equal(pass, 'PASS |█████████           |  45% (9/20) [00:05<00:05, 2.00hosts/s]');
  assert.equal(fail, 'FAIL |█                   |   5% (1/20) [4 running, 6 waiting]');
});

test('a bar fits into the terminal, and says which host is waited for', () => {
  const waitingFor = 'host3 does not answer: no route to host';
  const lines = barLines({ ...counts, done: 0, failed: 0, waitingFor }, 60, plain);
  assert.ok(lines.every((line) => line.length < 60));
  assert.match(lines[0] ?? '', /0% \(0\/20\) \[00:05<\?/);
  assert.match(barLines({ ...counts, waitingFor }, 200, plain)[1] ?? '', /, host3 does not answer/);
  assert.match(barLines({ ...counts, hosts: 100_000, elapsedMs: 7_384_000 }, 200, plain)[0] ?? '', /\[2:03:04</);
});
