import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { OutputLog } from '../../../src/remote/output-log.ts';

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
