import fc from 'fast-check';
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import { Capture, mostPerHost, mostPerSlice, shareOut } from '../../../src/remote/output.ts';

const captured = (...chunks: (string | Buffer)[]) => {
  const capture = new Capture();
  for (const chunk of chunks) capture.push(Buffer.from(chunk));
  return capture;
};

test('output that fits is kept as it is', () => {
  assert.deepEqual(captured('one\n', 'two ü\n').output(100), { text: 'one\ntwo ü\n', truncatedBytes: 0 });
  assert.deepEqual(captured().output(100), { text: '', truncatedBytes: 0 });
});

test('of long output the head and the tail are kept, and what is missing is counted', () => {
  const whole = Array.from({ length: 100_000 }, (_, i) => `line ${i}\n`).join('');
  const capture = new Capture();
  for (let at = 0; at < whole.length; at += 7919) capture.push(Buffer.from(whole.slice(at, at + 7919)));
  const { text, truncatedBytes } = capture.output(mostPerHost);
  const [head = '', mark = '', tail = ''] = text.split(/\n(\[\.\.\. \d+ bytes left out \.\.\.\])\n/);
  assert.equal(mark, `[... ${truncatedBytes} bytes left out ...]`);
  assert.ok(whole.startsWith(head) && whole.endsWith(tail));
  assert.equal(head.length + truncatedBytes + tail.length, whole.length);
  assert.ok(head.length > 16_000 && tail.length > 16_000);
});

test('the last bytes are those of the output, in whatever pieces it comes', () => {
  const sizes = fc.array(fc.oneof(fc.constantFrom(1, mostPerHost - 1, mostPerHost), fc.nat(3 * mostPerHost)), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(sizes, (pieces) => {
      const all = Buffer.from(Array.from({ length: pieces.reduce((sum, size) => sum + size, 0) }, (_, i) => i % 251));
      const capture = new Capture();
      let at = 0;
      for (const size of pieces) capture.push(all.subarray(at, (at += size)));
      assert.ok(capture.end(mostPerHost).equals(all.subarray(-mostPerHost)));
    }),
    { numRuns: 50 },
  );
});

test('whatever a host prints, its output is valid and bounded, and every byte is accounted for', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 3000 }).map((array) => Buffer.from(array)),
    fc.string({ unit: 'binary', maxLength: 2000 }).map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 5 }), fc.integer({ min: 60, max: 3000 }), (chunks, most) => {
      const all = Buffer.concat(chunks);
      const { text, truncatedBytes } = captured(...chunks).output(most);
      if (truncatedBytes === 0) {
        assert.ok(Buffer.byteLength(text) <= most);
        assert.equal(text, all.toString('utf8'));
        return;
      }
      const shown = text.replace(`\n[... ${truncatedBytes} bytes left out ...]\n`, '');
      assert.ok(Buffer.byteLength(shown) <= most);
      assert.ok(truncatedBytes > 0 && truncatedBytes <= all.length);
      if (isUtf8(all)) {
        assert.equal(Buffer.byteLength(shown) + truncatedBytes, all.length);
        assert.ok(!shown.includes('\ufffd') || all.includes('\ufffd'));
      }
    }),
    { numRuns: 500 },
  );
});

test('the outputs of a slice share its room: equal ones once, short ones whole', () => {
  const long = () => captured('x'.repeat(mostPerHost));
  const same = shareOut(Array.from({ length: 100 }, long));
  assert.deepEqual([same.outputs.length, same.of.length, new Set(same.of).size], [1, 100, 1]);
  assert.equal(same.outputs[0]?.truncatedBytes, 0);

  const captures = Array.from({ length: 100 }, (_, i) => captured(i < 60 ? `short ${i}` : `${i} `.repeat(50_000)));
  const { outputs, of } = shareOut(captures);
  assert.ok(outputs.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0) <= mostPerSlice + 100 * 40);
  assert.equal(outputs[of[3] ?? -1]?.text, 'short 3');
  assert.ok((outputs[of[80] ?? -1]?.text.length ?? 0) > 6000);
});

test('outputs that are cut to the same text but differ in between stay apart', () => {
  const big = (middle: string) => captured('a'.repeat(40_000), middle, 'z'.repeat(40_000));
  assert.deepEqual(shareOut([big('1'), big('2'), big('1')]).of, [0, 1, 0]);
});

test('what takes more bytes to travel than it has counts as what it takes', () => {
  const captures = Array.from({ length: 300 }, (_, i) => captured(`${i}`, '\x01'.repeat(mostPerHost - 10)));
  const { outputs } = shareOut(captures);
  assert.equal(outputs.length, 300);
  assert.ok(Buffer.byteLength(JSON.stringify(outputs)) < mostPerSlice + 300 * 200);
  for (const { text } of outputs) assert.ok(text.split('\x01').length > 100);
  const [one] = shareOut(captures.slice(0, 1)).outputs;
  assert.deepEqual([one?.text.length, one?.truncatedBytes], [mostPerHost - 9, 0]);
});
