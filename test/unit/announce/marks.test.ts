import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileMarks } from '../../../src/announce/marks.ts';

test('a mark is found by every later look at the same directory, and by its own token only', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sumac-marks-'));
  try {
    const token = 'sre.hosts.reimage/machine1/START';
    assert.equal(await fileMarks(dir).has(token), false);
    await fileMarks(dir).set(token);
    await fileMarks(dir).set(token);
    assert.equal(await fileMarks(dir).has(token), true);
    assert.equal(await fileMarks(dir).has(`${token} (2)`), false);
    assert.equal(readdirSync(join(dir, 'announced')).length, 1);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('a place that cannot be written says so', async () => {
  await assert.rejects(fileMarks('/dev/null').set('x'), /ENOTDIR/);
});
