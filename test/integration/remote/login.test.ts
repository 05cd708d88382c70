import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSshLab } from '../../support/sshd.ts';

test('a login asks the host to look at the key once, and for no proof of keys beyond the one it has shown', async (t) => {
  const lab = await startSshLab(['alpha'], ['LogLevel DEBUG3']);
  t.after(() => lab.close());
  const remote = lab.remote();
  assert.equal(await remote.text('alpha', 'echo in'), 'in\n');
  assert.equal(await remote.text('alpha', 'echo again'), 'again\n');
  await remote.close();
  const log = lab.host('alpha').log();
  assert.match(log, /Accepted publickey for root/);
  assert.equal(log.match(/matching key found/g)?.length, 1);
  assert.match(log, /starting session: command for root/i);
  assert.doesNotMatch(log, /hostkeys-prove/);
  assert.match(log, /Received SSH2_MSG_IGNORE/, 'the announcement of keys is acknowledged at once');
  assert.doesNotMatch(log, /querying public key/);
});
