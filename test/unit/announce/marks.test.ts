import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileMarks } from '../../../src/announce/marks.ts';

test('a mark is taken once in the same directory, by its own token only, and can be given back', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sumac-marks-'));
  try {
    const token = 'sre.hosts.reimage/machine1/START';
    assert.equal(await fileMarks(dir).has(token), false);
    assert.equal(await fileMarks(dir).claim(token), true);
    assert.equal(await fileMarks(dir).has(token), true);
    assert.equal(await fileMarks(dir).claim(token), false);
    assert.equal(await fileMarks(dir).claim(`${token} (2)`), true);
    await fileMarks(dir).release(`${token} (2)`);
    assert.equal(readdirSync(join(dir, 'announced')).length, 1);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('a place that cannot be written says so', async () => {
  await assert.rejects(fileMarks('/dev/null').claim('x'), /ENOTDIR/);
});
