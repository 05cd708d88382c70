import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteLength, clock, commands, fitting, plain, shellWord } from '../../../workflows/engine/markdown.ts';

test('nothing in the text of others is markup', () => {
  assert.equal(plain('P{cloudvirt*} is <b>up</b> | [a](b)'), 'P{cloudvirt\\*} is \\<b\\>up\\</b\\> \\| \\[a\\](b)');
  assert.equal(plain('`x` _y_ #z ~q~ a\\b &amp;'), '\\`x\\` \\_y\\_ \\#z \\~q\\~ a\\\\b \\&amp;');
  assert.equal(plain('use --force'), 'use \\-\\-force');
});

test('text of others stays on one line and within its length, whatever is in it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.integer({ min: 1, max: 200 }), (text, most) => {
      const line = plain(text, most);
      assert.doesNotMatch(line, /[\r\n]/);
      assert.ok(line.replaceAll(/\\([\\`*_[\]<>|~#&-])/g, '$1').length <= most);
      assert.equal(Buffer.from(line).toString(), line.toWellFormed());
      assert.doesNotMatch(line.replaceAll(/\\./g, ''), /[\\`*_[\]<>|~#&]|--/);
    }),
  );
});

test('a long text is cut between characters, and says so', () => {
  assert.equal(plain('abcdef', 4), 'abc…');
  assert.equal(plain('ab😀def', 4), 'ab…');
});

test('words of a command are quoted as a shell needs it', () => {
  const words = { retry: 'retry', 'roll back': "'roll back'", "it's": "'it'\\''s'", '$(rm)': "'$(rm)'", '': "''" };
  for (const [word, quoted] of Object.entries(words)) assert.equal(shellWord(word), quoted);
  assert.equal(
    shellWord('sre.hosts.reimage/20261122-0312-al/db1.eqiad.wmnet'),
    'sre.hosts.reimage/20261122-0312-al/db1.eqiad.wmnet',
  );
});

test('commands are shown as they are, with a backtick too', () => {
  assert.equal(
    commands(['cookbook ps'], ["cookbook answer x 'a`b'", 'says so']),
    "- `cookbook ps`\n- `` cookbook answer x 'a`b' `` says so",
  );
});

test('parts are taken from the first as long as they fit, in bytes', () => {
  assert.deepEqual(fitting(['aaaa', 'bbbb', 'cc'], 12), ['aaaa', 'bbbb']);
  assert.deepEqual(fitting(['äää'], 8), ['äää']);
  assert.deepEqual(fitting(['äää'], 7), []);
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 20 })), fc.nat(200), (parts, bytes) => {
      const shown = fitting(parts, bytes);
      assert.deepEqual(shown, parts.slice(0, shown.length));
      assert.ok(shown.length === 0 || byteLength(shown.join('\n\n')) <= bytes);
      const next = parts.slice(0, shown.length + 1);
      assert.ok(next.length === shown.length || next.reduce((sum, part) => sum + byteLength(part) + 2, 0) > bytes);
    }),
  );
});

test('a point in time is told with its day and zone', () => {
  assert.equal(clock(Date.UTC(2026, 10, 22, 3, 12, 5, 999)), '2026-11-22 03:12:05 UTC');
});
