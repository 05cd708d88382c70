import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpsError } from '../../src/model/errors.ts';
import { HostSet, expand, fold, sorted } from '../../src/model/host-set.ts';
import { expressions, names } from '../support/host-expressions.ts';

test('ranges, padding, several ranges and lists expand as ClusterShell expands them', () => {
  assert.deepEqual(expand('cloudvirt[1001-1003].lab,foo[01-03,5]'), [
    'cloudvirt1001.lab',
    'cloudvirt1002.lab',
    'cloudvirt1003.lab',
    'foo5',
    'foo01',
    'foo02',
    'foo03',
  ]);
  assert.deepEqual(expand('a[1-2]x[3-4]'), ['a1x3', 'a1x4', 'a2x3', 'a2x4']);
  assert.deepEqual(expand('h[08-11]'), ['h08', 'h09', 'h10', 'h11']);
  assert.deepEqual(expand('host10,host9,host9'), ['host9', 'host10']);
});

test('names fold into ranges, and differing domains stay apart', () => {
  assert.equal(fold(['host3', 'host1', 'host2', 'other1', 'host10']), 'host[1-3,10],other1');
  assert.equal(
    fold(['host1.eqiad.wmnet', 'host2.eqiad.wmnet', 'host1.codfw.wmnet']),
    'host1.codfw.wmnet,host[1-2].eqiad.wmnet',
  );
  assert.equal(fold(['host2', 'host01', 'host003']), 'host[2,01,003]');
  assert.equal(fold(['h1x3', 'h1x4', 'h2x3', 'h2x4']), 'h[1-2]x[3-4]');
  assert.equal(fold(['a2b3', 'a2b4']), 'a2b[3-4]');
  assert.equal(fold(['h99', 'h100', 'h101']), 'h[99-101]');
  assert.equal(fold([]), '');
});

test('a mistake is pointed at', () => {
  const mistakes: [string, RegExp][] = [
    ['', /a host name is missing, at character 1$/],
    ['a,,b', /a host name is missing, at character 3$/],
    ['host[5-1]', /'5-1' goes backwards, at character 6$/],
    ['host[1,x]', /'x' is not a number or a range such as 1-3, at character 8$/],
    ['host[1-3', /'\[' without '\]', at character 5$/],
    ['a!', /a host name is missing, at character 3$/],
    ['&a', /a host name is missing, at character 1$/],
    ['a^^b', /a host name is missing, at character 3$/],
    ['h[1,]', /a number is missing, at character 5$/],
    ['h[[1]]', /'\[1' is not a number or a range such as 1-3, at character 3$/],
    ['h[1][2]', /'\[' follows '\]' without text between them, at character 5$/],
    ['h[1]2[3]', /'\[' follows '\]' without text between them, at character 6$/],
    ['h[-5]', /'-5' is not a number or a range such as 1-3, at character 3$/],
    ['h[0-8/2]', /'0-8\/2' is not a number or a range such as 1-3, at character 3$/],
    ['a,h\u00f6st1', /'\u00f6' cannot be part of a host name, at character 4$/],
    ['a,\u{1f600}', /'.' cannot be part of a host name, at character 3$/u],
    [`h${'9'.repeat(101)}`, /a number has more than 100 digits, at character 2$/],
    ['a1'.repeat(101), /a name has more than 100 numbers, at character 1$/],
    ['host1 host2', /' ' cannot be part of a host name, at character 6$/],
    ['host]', /'\]' cannot be part of a host name, at character 5$/],
    ['h[01-100]', /different lengths, at character 3$/],
    ['h[1-99999999]', /more than 10000000 hosts, at character 3$/],
    ['a,h[1-9999]x[1-9999]', /more than 10000000 hosts, at character 3$/],
  ];
  for (const [expression, message] of mistakes)
    assert.throws(
      () => expand(expression),
      (error) => error instanceof OpsError && error.kind === 'usage' && message.test(error.message),
      expression,
    );
});

const lists = fc.array(names, { maxLength: 60 });
const parsed = (expression: string): HostSet | undefined => {
  try {
    return HostSet.parse(expression);
  } catch (error) {
    if (error instanceof OpsError) return undefined;
    throw error;
  }
};
const equal = (set: HostSet, expected: Iterable<string>) => {
  const all = new Set(expected);
  assert.deepEqual([...set], sorted(all));
  assert.equal(set.size, all.size);
};

test('folding and expanding are inverse', () => {
  fc.assert(
    fc.property(lists, (hosts) => {
      fc.pre(hosts.length > 0);
      const folded = fold(hosts);
      assert.deepEqual(expand(folded), sorted(hosts));
      assert.deepEqual(new Set(expand(folded)), new Set(hosts));
      assert.equal(fold(expand(folded)), folded);
    }),
    { numRuns: 500 },
  );
});

test('what an expression gives, folded, is the same set', () => {
  fc.assert(
    fc.property(expressions, (expression) => {
      const set = parsed(expression);
      fc.pre(set !== undefined && set.size > 0 && set.size < 10_000);
      const folded = String(set);
      assert.equal(String(HostSet.parse(folded)), folded);
      equal(HostSet.parse(folded), set);
      equal(HostSet.of(set), set);
    }),
    { numRuns: 500 },
  );
});

test('the order in which names come does not matter, nor how often', () => {
  fc.assert(
    fc.property(lists, fc.array(fc.nat(), { maxLength: 60 }), (hosts, keys) => {
      const shuffled = [...hosts, ...hosts].sort(
        (a, b) => (keys[hosts.indexOf(a)] ?? 0) - (keys[hosts.indexOf(b)] ?? 0),
      );
      assert.equal(fold(shuffled), fold(hosts));
      assert.deepEqual(sorted(shuffled), sorted(hosts));
    }),
  );
});

test('operations are those of sets of names, and leave their operands alone', () => {
  fc.assert(
    fc.property(lists, lists, (one, other) => {
      const [a, b] = [new Set(one), new Set(other)];
      const [x, y] = [HostSet.of(one), HostSet.of(other)];
      const [onlyA, onlyB] = [one.filter((name) => !b.has(name)), other.filter((name) => !a.has(name))];
      equal(x.union(y), [...one, ...other]);
      equal(x.difference(y), onlyA);
      equal(
        x.intersection(y),
        one.filter((name) => b.has(name)),
      );
      equal(x.symmetricDifference(y), [...onlyA, ...onlyB]);
      equal(x, a);
      equal(y, b);
      for (const name of [...one, ...other]) assert.equal(x.has(name), a.has(name), name);
    }),
    { numRuns: 300 },
  );
});

test('set laws hold for whole expressions', () => {
  const small = expressions.map(parsed).filter((set) => set !== undefined && set.size < 3_000);
  const same = (x: HostSet, y: HostSet) => assert.equal(String(x), String(y));
  fc.assert(
    fc.property(small, small, small, (a, b, c) => {
      if (!a || !b || !c) return;
      same(a.union(b), b.union(a));
      same(a.intersection(b), b.intersection(a));
      same(a.union(b).union(c), a.union(b.union(c)));
      same(a.intersection(b.union(c)), a.intersection(b).union(a.intersection(c)));
      same(a.difference(b.union(c)), a.difference(b).intersection(a.difference(c)));
      same(a.symmetricDifference(b), a.union(b).difference(a.intersection(b)));
      same(a.symmetricDifference(b).symmetricDifference(b), a);
      assert.equal(a.union(b).size + a.intersection(b).size, a.size + b.size);
    }),
    { numRuns: 100 },
  );
});

test('operators go strictly from left to right', () => {
  const cases: [string, string][] = [
    ['host[1-5]!host3', 'host[1-2,4-5]'],
    ['host[1-5]&host[3-9]', 'host[3-5]'],
    ['host[1-5]^host[3-9]', 'host[1-2,6-9]'],
    ['host1,host[1-5]&host[3-9]', 'host[3-5]'],
    ['a!a,b', 'b'],
    ['b,a!a', 'b'],
    ['a[1-3]!a[1-3]', ''],
    [' a , b ! a ', 'b'],
  ];
  for (const [expression, folded] of cases) assert.equal(String(HostSet.parse(expression)), folded, expression);
});

test('digits beside a bracket belong to both ends of its ranges, as in ClusterShell', () => {
  assert.equal(String(HostSet.parse('h1[0-9]')), 'h[10-19]');
  assert.equal(HostSet.parse('h1[8-12]').size, 95);
  assert.equal(String(HostSet.parse('h[1-3]0')), 'h[10,20,30]');
  assert.equal(String(HostSet.parse('h0[1-3]5-x')), 'h[015,025,035]-x');
});

test('names and ranges of any length', () => {
  const huge = `h${'9'.repeat(99)}`;
  assert.deepEqual(expand(huge), [huge]);
  assert.equal(
    fold(['h9999999999999998', 'h9999999999999999', 'h10000000000000000']),
    'h[9999999999999998-10000000000000000]',
  );
  assert.deepEqual(expand('h[999999999999998-1000000000000001]'), [
    'h999999999999998',
    'h999999999999999',
    'h1000000000000000',
    'h1000000000000001',
  ]);
  assert.equal(fold([`h${'1'.repeat(400)}`]), `h${'1'.repeat(400)}`);
  assert.deepEqual(expand('[1-3]'), ['1', '2', '3']);
});

test('wildcards are characters of a name for who asks for them', () => {
  assert.deepEqual([...HostSet.parse('db[1-2]*,x?', { wildcards: true })], ['db1*', 'db2*', 'x?']);
  assert.throws(() => HostSet.parse('db*'), /'\*' cannot be part of a host name, at character 3$/);
});

test('millions of hosts cost what their ranges cost', () => {
  const set = HostSet.parse('host[1-5000000].lab,a[1-2000]b[1-2000]');
  assert.equal(set.size, 9_000_000);
  assert.equal(String(set.difference(HostSet.parse('host7.lab'))), 'a[1-2000]b[1-2000],host[1-6,8-5000000].lab');
  assert.equal(String(set.intersection(HostSet.parse('a[5-6]b[7-2007]'))), 'a[5-6]b[7-2000]');
});

test('twenty thousand names with two numbers each, most of them apart, fold into what gives them back', () => {
  const apart = Array.from({ length: 20_000 }, (_, i) => `h${2 * i}x${i % 2 === 0 ? 1 : (i * 7919) % 20_011}`);
  const folded = fold(apart);
  assert.deepEqual(new Set(expand(folded)), new Set(apart));
  assert.ok(folded.startsWith('h[0,4,8,12,'), folded.slice(0, 100));
});
