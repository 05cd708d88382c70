import assert from 'node:assert/strict';
import { OpsError } from '../../src/model/errors.ts';

/** Asserts that an activity fails as an operator is to see it. */
export const fails = (promise: Promise<unknown>, kind: OpsError['kind'], code: string, text: RegExp) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof OpsError, String(error));
    assert.deepEqual([error.kind, error.code], [kind, code], error.message);
    assert.match(error.message, text);
    return true;
  });
