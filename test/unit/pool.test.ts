import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pool } from '../../activities/pool.ts';
import { Config } from '../../src/config/schema.ts';
import { isOpsError } from '../../src/model/errors.ts';
import { callOf } from '../support/call.ts';

const callWith = (hooks: object) =>
  callOf({ config: Config.parse({ cookbooks_base_dirs: ['/nowhere'], logs_base_dir: '/nowhere', hooks }) });
const input = { services: ['www'], hosts: ['web1'] };
const hasCode = (code: string, message: RegExp) => (error: unknown) =>
  isOpsError(error) && error.code === code && message.test(error.message);

test('without a hook nothing can be depooled, and the way out is named', async () => {
  await assert.rejects(
    pool['pool.pooled'].run(input, callWith({})),
    hasCode('POOL_NOT_CONFIGURED', /^hooks.pool is not configured: name the program .* or name no service to depool$/),
  );
});

test('a hook that cannot be started is named', async () => {
  await assert.rejects(
    pool['pool.depool'].run({ www: ['web1'] }, callWith({ pool: '/nowhere/pool' })),
    hasCode('POOL_FAILED', /^hooks.pool \/nowhere\/pool depool: .*ENOENT/),
  );
});
