import fc from 'fast-check';
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { OpsError } from '../../../src/model/errors.ts';
import { HostSet } from '../../../src/model/host-set.ts';
import { askClusterShell, whyNoClusterShell } from '../../support/clustershell.ts';
import { damaged, expressions, names } from '../../support/host-expressions.ts';

const seed = Number(process.env['SEED'] ?? 4);
const sample = <T>(arbitrary: fc.Arbitrary<T>, numRuns: number) => fc.sample(arbitrary, { numRuns, seed });

function ours(expression: string): HostSet | OpsError {
  try {
    return HostSet.parse(expression);
  } catch (error) {
    if (error instanceof OpsError && error.code === 'HOSTS_INVALID') return error;
    throw error;
  }
}

/** Where Sumac answers differently, on purpose; nothing else may differ. */
const differences: { why: string; is: RegExp; examples: string[] }[] = [
  {
    why: 'an empty expression is a mistake, not an empty set',
    is: /^\s*$/,
    examples: ['', ' '],
  },
  {
    why: 'host names hold letters, digits, - _ and . only: the others cannot be typed in Cumin',
    is: /[^\w.,!&^[\]\s-]/,
    examples: ['host[0-8/2]', 'a%b', 'host*', 'höst1', 'a:b', '@group'],
  },
  {
    why: 'a space within an operand would be part of a host name',
    is: /[^\s,!&^]\s+[^\s,!&^]|\[[^\]]*\s/,
    examples: ['host1 host2', 'host[1-2] .lab', 'host[1, 2]'],
  },
  {
    why: 'host[-5] and host-5 would be one name and two hosts; host[1-5-7] is read as -5 to 7',
    is: /\[(?:[^\]]*,)?-|\[[^\]]*-[^\],]*-/,
    examples: ['host[-5]', 'host[1-5-7]', 'host[3,-2-1]', 'host[-8--4]'],
  },
  {
    why: 'Python reads an underscore within digits as nothing: host[1_0] would be host10',
    is: /\[[^\]]*_/,
    examples: ['host[1_0]'],
  },
  {
    why: 'brackets with a number missing are a slip, also with digits behind them, where host[1,]5 would be host15 and host5',
    is: /\[(?:[^\][]*,)?(?:,[^\][]*)?\]/,
    examples: ['host[]2', 'host[1,]5', 'host[,1]5'],
  },
];
/** Ranges of more hosts than ClusterShell can hold: digits before a bracket belong to both ends, `9999[9-10]` are 89,912 hosts. */
const huge = /\d{2}\[|-\d{4}/;
/** What ClusterShell fails at for the sake of its own memory: digits behind a bracket count as steps of a range. */
const tooLarge = 'host[1-3]0000000000';

const options = { skip: whyNoClusterShell() ?? false, timeout: 300_000 };

suite('host sets beside ClusterShell', options, () => {
  test('expressions give the same hosts in the same order, the same folded form, and fail where ClusterShell fails', () => {
    const asked = [...sample(expressions, 6_000), ...sample(damaged, 3_000)].filter(
      (expression) => !huge.test(expression),
    );
    const answers = askClusterShell(asked);
    const seen = { hosts: 0, errors: 0, differences: 0 };
    for (const [i, expression] of asked.entries()) {
      const theirs = answers[i];
      assert.ok(theirs);
      const set = ours(expression);
      if (differences.some(({ is }) => is.test(expression))) {
        assert.ok(set instanceof OpsError, expression);
        seen.differences += 1;
      } else if ('error' in theirs) {
        if (theirs.message === 'range too large') continue;
        assert.ok(set instanceof OpsError, `${expression}: ${theirs.message}`);
        const { character } = set.facts;
        assert.ok(typeof character === 'number' && character >= 1 && character <= expression.length + 1, set.message);
        seen.errors += 1;
      } else {
        if (set instanceof OpsError) throw set;
        assert.equal(String(set), theirs.folded, expression);
        assert.deepEqual([...set], theirs.hosts, expression);
        assert.equal(set.size, theirs.size, expression);
        seen.hosts += 1;
      }
    }
    assert.ok(seen.hosts > 5_000 && seen.errors > 500, JSON.stringify(seen));
  });

  test('lists of names fold as ClusterShell folds them', () => {
    const lists = sample(fc.array(names, { minLength: 1, maxLength: 60 }), 1_500);
    const answers = askClusterShell(lists);
    for (const [i, list] of lists.entries()) {
      const theirs = answers[i];
      assert.ok(theirs && 'folded' in theirs, JSON.stringify(theirs));
      assert.equal(String(HostSet.of(list)), theirs.folded, list.join());
    }
  });

  test('sets of names with several numbers fold in the same steps', () => {
    const grid = fc.tuple(fc.nat(12), fc.nat(6), fc.nat(3)).map(([i, j, k]) => `rack${i}-u${j}-n${k}`);
    const lists = sample(fc.array(grid, { minLength: 20, maxLength: 300, size: 'max' }), 60);
    const answers = askClusterShell(lists);
    for (const [i, list] of lists.entries()) {
      const theirs = answers[i];
      assert.ok(theirs && 'folded' in theirs);
      const set = HostSet.of(list);
      assert.equal(String(set), theirs.folded);
      assert.deepEqual([...set], theirs.hosts);
    }
  });

  for (const { why, is, examples } of differences)
    test(`a difference: ${why}`, () => {
      const answers = askClusterShell(examples);
      for (const [i, expression] of examples.entries()) {
        assert.match(expression, is);
        assert.ok(ours(expression) instanceof OpsError, expression);
        const theirs = answers[i];
        assert.ok(theirs && 'folded' in theirs, `no difference any more: ${expression} ${JSON.stringify(theirs)}`);
      }
    });

  test('a difference: three hosts with long numbers are no large range', () => {
    const [theirs] = askClusterShell([tooLarge]);
    assert.deepEqual(theirs, { error: 'AssertionError', message: 'range too large' });
    assert.equal(String(HostSet.parse(tooLarge)), 'host[10000000000,20000000000,30000000000]');
  });
});
