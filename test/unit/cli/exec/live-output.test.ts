import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LiveOutput } from '../../../../src/cli/exec/live-output.ts';
import { Teller } from '../../../../src/cli/exec/told.ts';
import { Capture, mostPerHost } from '../../../../src/remote/output.ts';

const said = (at: number, text: string) => ({ command: 0, at, bytes: Buffer.from(text).toString('base64') });
const result = (output: string, truncatedBytes = 0) => ({ index: 0, output, truncatedBytes });

test('whole lines are shown once each, whatever the beats repeat, and the rest at the end', () => {
  const live = new LiveOutput();
  assert.deepEqual(live.hear(said(0, 'on')), { lines: [], isFirst: false });
  assert.deepEqual(live.hear(said(0, 'one\ntw')), { lines: ['one'], isFirst: true });
  assert.deepEqual(live.hear(said(0, 'one\ntw')), { lines: [], isFirst: false });
  assert.deepEqual(live.hear(said(2, 'e\ntwö\nthr')), { lines: ['twö'], isFirst: false });
  // As after a worker that died: the next attempt hears it from the beginning.
  assert.deepEqual(live.hear(said(0, 'one\n')), { lines: [], isFirst: false });
  assert.deepEqual(live.rest(result('one\ntwö\nthree')), ['three']);
  assert.deepEqual(live.rest(result('one\ntwö\n')), []);
  assert.equal(live.rest({ ...result('other'), index: 1 }), undefined);
});

test('nothing of a command is shown before the one before it was told', () => {
  const teller = new Teller('outputs', { stdout: false, stderr: false });
  const texts = (command: number) =>
    teller.hear({ ...said(0, 'one\n'), command }, ['first', 'second']).map(({ text }) => text);
  assert.deepEqual(texts(1), []);
  assert.deepEqual(texts(0), ["----- OUTPUT for command #1: 'first' -----", 'one']);
  assert.deepEqual(texts(1), []);
});

test('what was missed is said, and all of it is shown at the end', () => {
  const live = new LiveOutput();
  live.hear(said(0, 'one\n'));
  assert.deepEqual(live.hear(said(10, 'six\n')).lines, [
    '[... 6 bytes were said too fast to be shown here ...]',
    'six',
  ]);
  assert.equal(live.rest(result('one\ntwo\nsix\n')), undefined);
});

test('of long output that was cut the end is shown from where it was', () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}`);
  const live = new LiveOutput();
  const capture = new Capture();
  const heard: string[] = [];
  for (const line of lines) {
    capture.push(Buffer.from(`${line}\n`));
    if (line.endsWith('00') && line !== 'line 19900') {
      const bytes = capture.end(16 * 1024);
      const { lines: more } = live.hear({
        command: 0,
        at: capture.total - bytes.length,
        bytes: bytes.toString('base64'),
      });
      heard.push(...more);
    }
  }
  const { text, truncatedBytes } = capture.output(mostPerHost);
  assert.deepEqual([...heard, ...(live.rest(result(text, truncatedBytes)) ?? [])], lines);
  const early = new LiveOutput();
  early.hear(said(0, 'line 0\nline 1\n'));
  const rest = early.rest(result(text, truncatedBytes)) ?? [];
  assert.match(rest[0] ?? '', /^\[\.\.\. \d+ bytes left out \.\.\.\]$/);
  assert.equal(rest.at(-1), 'line 19999');
});
