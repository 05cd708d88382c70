import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, mock, test } from 'node:test';
import { RotatingFile } from '../../../src/log/rotating-file.ts';

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'sumac-rotation-'));
});
after(() => {
  rmSync(dir, { recursive: true });
});
const read = (name: string) => readFileSync(join(dir, name), 'utf8');

test('a full file is put aside, the oldest beyond the number of backups is dropped', () => {
  const file = new RotatingFile(join(dir, 'deep/er/a.log'), { maxBytes: 12, backups: 2 });
  for (const text of ['one', 'two', 'three', 'four', 'five', 'six']) file.write(`${text}\n`);
  file.close();
  assert.equal(statSync(join(dir, 'deep/er')).mode & 0o777, 0o755);
  assert.deepEqual(readdirSync(join(dir, 'deep/er')).sort(), ['a.log', 'a.log.1', 'a.log.2']);
  assert.equal(read('deep/er/a.log'), 'five\nsix\n');
  assert.equal(read('deep/er/a.log.1'), 'three\nfour\n');
  assert.equal(read('deep/er/a.log.2'), 'one\ntwo\n');
});

test('what a file holds already counts, and is kept', () => {
  const path = join(dir, 'b.log');
  for (const text of ['12345678\n', 'abcdefgh\n']) {
    const file = new RotatingFile(path, { maxBytes: 10, backups: 2 });
    file.write(text);
    file.close();
  }
  assert.equal(read('b.log'), 'abcdefgh\n');
  assert.equal(read('b.log.1'), '12345678\n');
});

test('two workers share a file: neither rotates twice, no line is lost', () => {
  const path = join(dir, 'c.log');
  const rotation = { maxBytes: 100, backups: 500 };
  const workers = [new RotatingFile(path, rotation), new RotatingFile(path, rotation)] as const;
  mock.timers.enable({ apis: ['Date'], now: Date.now() });
  for (let number = 0; number < 200; number++) {
    workers[number % 2 === 0 ? 0 : 1].write(`line ${number}\n`);
    mock.timers.tick(1001);
  }
  mock.timers.reset();
  for (const file of workers) file.close();
  const names = readdirSync(dir).filter((name) => name.startsWith('c.log'));
  const lines = names.flatMap((name) => read(name).trimEnd().split('\n'));
  assert.deepEqual(lines.sort(), Array.from({ length: 200 }, (_, number) => `line ${number}`).sort());
  assert.ok(
    names.every((name) => statSync(join(dir, name)).size > 80 || name === 'c.log'),
    'no rotation of an almost empty file',
  );
  assert.ok(!existsSync(`${path}.rotating`));
});

test('a file that somebody moved away is made anew', () => {
  const path = join(dir, 'd.log');
  const file = new RotatingFile(path);
  file.write('old\n');
  renameSync(path, `${path}.moved`);
  mock.timers.enable({ apis: ['Date'], now: Date.now() + 2000 });
  file.write('new\n');
  mock.timers.reset();
  file.close();
  assert.equal(read('d.log'), 'new\n');
  assert.equal(read('d.log.moved'), 'old\n');
});

test('a full disk costs lines and one complaint, never the run', () => {
  const complaints: string[] = [];
  const stderr = mock.method(process.stderr, 'write', (text: string) => complaints.push(text) > 0);
  const file = new RotatingFile('/dev/full');
  file.write('lost\n');
  file.write('lost too\n');
  file.close();
  file.write('after the end\n');
  stderr.mock.restore();
  assert.equal(complaints.length, 1);
  assert.match(complaints[0] ?? '', /^log file \/dev\/full: ENOSPC.*: lines are lost until it can be written again\n$/);
});
