import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageFor, shorten } from '../../../src/announce/message.ts';

const who = { user: 'alice', host: 'cumin1001' };

test('messages have the wire format of the original', () => {
  assert.equal(messageFor('irc', who, 'START - Cookbook x'), 'alice@cumin1001 START - Cookbook x');
  assert.equal(messageFor('sal', who, 'START - Cookbook x'), '!log alice@cumin1001 START - Cookbook x');
});

test('a message is one line, whatever its text', () => {
  assert.equal(messageFor('irc', who, ' one\r\ntwo\u0000\u0007 three \n'), 'alice@cumin1001 one two three');
});

test('a long text ends with an ellipsis within 400 bytes', () => {
  const message = messageFor('sal', who, 'ü'.repeat(1000));
  assert.ok(Buffer.byteLength(message) <= 400);
  assert.match(message, /^!log alice@cumin1001 ü+…$/);
});

test('a text is never cut inside of a character, and never for nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.integer({ min: 10, max: 80 }), (text, limit) => {
      const short = shorten(text, limit);
      assert.ok(Buffer.byteLength(short) <= limit);
      assert.ok(!short.includes('\ufffd') || text.includes('\ufffd'));
      if (Buffer.byteLength(text) <= limit) assert.equal(short, text);
      else assert.ok(short.endsWith('…') && text.startsWith(short.slice(0, -1)) && short.isWellFormed());
    }),
  );
});
