import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSshLab } from '../../support/sshd.ts';
import { growthOf } from '../../support/transport-load.ts';

const module = import.meta.resolve('../../support/journalled-transport.ts');

// Without input it runs in the shell that is kept since the command before, with input in a channel of its own.
for (const how of ['gigabyte', 'gigabyte with input'])
  test(`a journalled command that prints a ${how} costs less than 32 MB`, async () => {
    const lab = await startSshLab(['alpha']);
    try {
      const { bytes, grownBytes } = await growthOf(lab, module, how);
      assert.equal(bytes, 2 ** 30);
      assert.ok(grownBytes < 32 << 20, `${grownBytes >> 20} MB`);
    } finally {
      await lab.close();
    }
  });
