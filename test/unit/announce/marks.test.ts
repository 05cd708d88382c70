import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileMarks } from '../../../src/announce/marks.ts';

test('a mark is taken once in the same directory, by its own token only, and can be given back', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sumac-marks-'));
  try {
    const token = 'sre.hosts.reimage/machine1/START';
    assert.equal(await new FileMarks(dir).has(token), false);
    assert.equal(new FileMarks(dir).claim(token), true);
    assert.equal(await new FileMarks(dir).has(token), true);
    assert.equal(new FileMarks(dir).claim(token), false);
    assert.equal(new FileMarks(dir).claim(`${token} (2)`), true);
    new FileMarks(dir).release(`${token} (2)`);
    assert.equal(readdirSync(join(dir, 'announced')).length, 1);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('a place that cannot be written says so', () => {
  assert.throws(() => new FileMarks('/dev/null').claim('x'), /ENOTDIR|EEXIST/);
});
