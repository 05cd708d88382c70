import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { OutputLog, outputFile } from '../../../src/remote/output-log.ts';

const isOpen = (file: string) =>
  readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === file;
    } catch {
      return false;
    }
  });

test('a log that is closed while output is still being written holds all of it, and leaves no file open', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sumac-log-'));
  try {
    const file = join(dir, 'outputs/run/step/host.log');
    const log = new OutputLog(file);
    log.begin('first');
    void log.write(Buffer.from('one\n'));
    void log.write(Buffer.from('two\n'));
    await log.close();
    assert.equal(readFileSync(file, 'utf8'), '$ first\none\ntwo\n');
    assert.ok(!isOpen(file));
    log.begin('second');
    void log.write(Buffer.from('cut sh'));
    await log.again('second');
    void log.write(Buffer.from('whole\n'));
    await log.close();
    assert.equal(readFileSync(file, 'utf8'), '$ first\none\ntwo\n$ second\nwhole\n');
    assert.ok(!isOpen(file));
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('long names that begin alike are files of their own, short ones stay as they are', () => {
  const long = 'x'.repeat(150);
  const files = ['a', 'b'].flatMap((end) => [
    outputFile('/state', 'run', 'step', `${long}${end}`),
    outputFile('/state', 'run', `${long}${end}`, 'host'),
  ]);
  assert.equal(new Set(files).size, 4);
  for (const file of files) for (const part of file.split('/')) assert.ok(part.length <= 124, part);
  assert.equal(outputFile('/state', 'exec/1', 'step one', 'web1'), '/state/outputs/exec_1/step_one/web1.log');
});
