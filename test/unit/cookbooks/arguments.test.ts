import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseArguments } from '../../../src/cookbooks/arguments.ts';
import { discover } from '../../../src/cookbooks/discover.ts';
import { resolveCookbook } from '../../../src/cookbooks/resolve.ts';
import type { Cookbook } from '../../../src/model/cookbook.ts';
import { OpsError } from '../../../src/model/errors.ts';

const found = await resolveCookbook(
  discover({ cookbooks_base_dirs: [join(import.meta.dirname, 'good')] }),
  'grp.ok-one',
);
assert.ok('cookbook' in found);
const { cookbook } = found;
const like = (argumentParser: Cookbook['argumentParser']): Cookbook => ({ ...cookbook, argumentParser });
const fails = (from: Cookbook, argv: string[], code: string, text: RegExp) =>
  assert.throws(
    () => parseArguments(from, argv),
    (error) => {
      assert.ok(error instanceof OpsError);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, text);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    },
  );

test('operands and options are arguments by camel-case name', () => {
  assert.deepEqual(parseArguments(cookbook, ['a[1-3]', '--batch-size', '5']), {
    args: { query: 'a[1-3]', unitName: 'ssh.service', batchSize: 5 },
  });
});

test('help names the cookbook as it is called, its title and its team', () => {
  const parsed = parseArguments(cookbook, ['-h']);
  assert.ok('help' in parsed);
  assert.match(parsed.help, /^Usage: cookbook \[GLOBAL_ARGS\] grp\.ok-one \[options\] <query> \[unit-name\]\n/);
  assert.match(parsed.help, /Does one thing/);
  assert.match(parsed.help, /hosts at a time \(default: 1\)/);
  assert.match(parsed.help, /Cookbook owner team: teamx\n$/);
});

test('wrong arguments are one line with the usage', () => {
  const usage = /; usage: cookbook \[GLOBAL_ARGS\] grp\.ok-one \[options\] <query> \[unit-name\]$/;
  fails(cookbook, [], 'ARGUMENTS_INVALID', /^grp\.ok-one: missing required argument 'query'/);
  fails(cookbook, [], 'ARGUMENTS_INVALID', usage);
  fails(cookbook, ['a', '--batch', '5'], 'ARGUMENTS_INVALID', /unknown option '--batch'/);
  fails(cookbook, ['a', 'b', 'c'], 'ARGUMENTS_INVALID', /too many arguments/);
});

test('a value that a cookbook refuses is wrong usage, a parser that breaks is not', () => {
  const refuses = like((parser) =>
    parser.argument('<n>', 'number', (text) => {
      if (text === 'bug') throw new TypeError('a bug');
      throw new OpsError('usage', 'N_INVALID', `n: '${text}' is no number`);
    }),
  );
  fails(refuses, ['x'], 'ARGUMENTS_INVALID', /n: 'x' is no number/);
  fails(refuses, ['bug'], 'ARGUMENTS_FAILED', /a bug/);
  const breaks = like(() => {
    throw new Error('no parser');
  });
  fails(breaks, ['x'], 'PARSER_FAILED', /no parser/);
});
