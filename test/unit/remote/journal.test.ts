import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpsError } from '../../../src/model/errors.ts';
import { AfterMark } from '../../../src/remote/command.ts';
import { Notes, attemptsAt, entryName, mark, plainLine, quote } from '../../../src/remote/journal.ts';

test('entries are named for people, and apart for every token, host and command', () => {
  const name = entryName('sre.hosts.reimage/db1.lab/1/reboot it', 'db1.lab', 0);
  assert.match(name, /^sre\.hosts\.reimage_db1\.lab_1_reboot_it-[0-9a-f]{16}$/);
  const others = [entryName('t', 'a', 0), entryName('t', 'a', 1), entryName('t', 'b', 0), entryName('u', 'a', 0)];
  assert.equal(new Set(others).size, 4);
  assert.ok(entryName('x'.repeat(5000), 'a', 0).length < 100);
  assert.equal(entryName('t', 'a', 0), entryName('t', 'a', 0));
});

test('words are quoted for a POSIX shell', () => {
  assert.equal(quote('plain-word/1.2'), 'plain-word/1.2');
  assert.equal(quote(''), "''");
  assert.equal(quote(`it's $HOME`), `'it'\\''s $HOME'`);
});

test('sudo, another user and the environment surround the command', () => {
  assert.match(plainLine('id', { sudo: true }), /^exec sudo -n -H -- sh -c /);
  assert.match(plainLine('id', { user: 'www-data' }), /^exec sudo -n -H -u www-data -- sh -c /);
  assert.match(plainLine('id', { env: { A: 'b c' } }), /\nexport A='b c'; id$/);
  assert.throws(
    () => plainLine('id', { env: { 'A=1; rm': '' } }),
    (error) => error instanceof OpsError && error.code === 'ENV_INVALID',
  );
});

test('a command that no system would take is refused before anything is done', () => {
  const attempts = attemptsAt({ entry: 'e', command: 'x'.repeat(130_000), shell: {} });
  assert.throws(
    () => attempts.line(),
    (error) => error instanceof OpsError && error.kind === 'usage' && /130000 bytes is too long/.test(error.message),
  );
});

test('what the journal says is read in any pieces, and told from what others say', () => {
  const text = 'bash: warning\n\x1eattached 12\n\x1e.\nsudo: noise\x1e.\n\x1eexit 3 500 20.25 \n';
  for (let size = 1; size < text.length; size++) {
    let attached: number | undefined;
    const notes = new Notes((seconds) => (attached = seconds));
    for (let at = 0; at < text.length; at += size) notes.push(text.slice(at, at + size));
    assert.equal(attached, 12);
    assert.deepEqual(notes.verdict, { is: 'exit', code: 3, durationMs: 15250, ended: undefined });
    assert.equal(notes.other, 'bash: warning\nsudo: noise\n');
  }
  const notes = new Notes();
  notes.push('\x1eexit 143 - - cancelled\n');
  assert.deepEqual(notes.verdict, { is: 'exit', code: 143, durationMs: undefined, ended: 'cancelled' });
  notes.push('\x1erebooted\n');
  assert.deepEqual(notes.verdict, { is: 'rebooted' });
});

test('output begins after the mark, wherever it is cut', () => {
  const whole = Buffer.concat([Buffer.from('noise of .bashrc\n\x1epid 471'), mark, Buffer.from('output\x00more')]);
  for (let size = 1; size <= whole.length; size++) {
    const chunks: Buffer[] = [];
    const output = new AfterMark((chunk) => void chunks.push(chunk));
    for (let at = 0; at < whole.length; at += size) void output.push(whole.subarray(at, at + size));
    assert.equal(Buffer.concat(chunks).toString(), 'output\x00more');
    assert.equal(output.pid, 471);
  }
  const output = new AfterMark(() => assert.fail());
  void output.push(Buffer.from('no mark'));
  assert.equal(output.seen, false);
});
