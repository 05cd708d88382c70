import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { alerts } from '../../../activities/alerts.ts';
import { Config } from '../../../src/config/schema.ts';
import { OpsError } from '../../../src/model/errors.ts';
import { callOf } from '../../support/call.ts';

// A monitoring system in a file: one line a downtime, `ID HOST MINUTES TOKEN REASON`.
const program = `#!/bin/sh
store=$(dirname "$0")/downtimes
case $1 in
find) awk -v token="$2" '$4 == token { print $1 }' "$store" ;;
add)
  [ "$2" != unknown ] || { echo "no host '$2'" >&2; exit 3; }
  shift; id=$(($(wc -l <"$store") + 1)); echo "$id $*" >>"$store"; echo "$id" ;;
remove) awk -v id="$2" '$1 != id' "$store" >"$store.new" && mv "$store.new" "$store" ;;
esac
`;
let dir: string;
const downtimes = () => readFileSync(join(dir, 'downtimes'), 'utf8').split('\n').filter(Boolean);
const callWith = (hooks: object) =>
  callOf({ config: Config.parse({ cookbooks_base_dirs: ['/nowhere'], logs_base_dir: '/nowhere', hooks }) });
const call = () => callWith({ downtime: join(dir, 'hook') });
const input = { host: 'machine1', minutes: 240, token: 'run-1/machine1', reason: 'reimage - T1' };

before(() => {
  dir = mkdtempSync(join(tmpdir(), 'alerts-'));
  writeFileSync(join(dir, 'hook'), program, { mode: 0o700 });
});
after(() => rmSync(dir, { recursive: true }));
beforeEach(() => writeFileSync(join(dir, 'downtimes'), ''));

test('a downtime is added once, however often it is asked for', async () => {
  assert.deepEqual(await alerts['alerts.downtime'].run(input, call()), { id: '1' });
  assert.deepEqual(await alerts['alerts.downtime'].run(input, call()), { id: '1' });
  assert.deepEqual(downtimes(), ['1 machine1 240 run-1/machine1 reimage - T1']);
});

test('a downtime is removed by its token, though its id never became known, and not twice', async () => {
  await alerts['alerts.downtime'].run(input, call());
  assert.deepEqual(await alerts['alerts.removeDowntime'].run({ token: input.token }, call()), { id: '1' });
  assert.deepEqual(downtimes(), []);
  assert.deepEqual(await alerts['alerts.removeDowntime'].run({ token: input.token }, call()), {});
});

test('without a hook nothing is silenced and nothing fails', async () => {
  assert.deepEqual(await alerts['alerts.downtime'].run(input, callWith({})), {});
  assert.deepEqual(await alerts['alerts.removeDowntime'].run({ token: input.token }, callWith({})), {});
});

test('a hook that fails is quoted and tried again; one that cannot be started is not', async () => {
  const fails = (promise: Promise<unknown>, kind: string, text: RegExp) =>
    assert.rejects(promise, (error) => {
      assert.ok(error instanceof OpsError);
      assert.equal(error.code, 'DOWNTIME_FAILED');
      assert.equal(error.kind, kind);
      assert.match(error.message, text);
      return true;
    });
  await fails(
    alerts['alerts.downtime'].run({ ...input, host: 'unknown' }, call()),
    'transient',
    /hook add: no host 'unknown'/,
  );
  await fails(
    alerts['alerts.downtime'].run(input, callWith({ downtime: join(dir, 'absent') })),
    'failed',
    /absent find: .*ENOENT/,
  );
});
