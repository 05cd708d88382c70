import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpsError } from '../../src/model/errors.ts';
import { expand, fold, sorted } from '../../src/model/host-set.ts';

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

const part = fc.stringMatching(/^[a-z]([a-z-]{0,4})$/);
const number = fc.oneof(
  fc.nat(30).map(String),
  fc.nat(120).map((n) => String(n).padStart(3, '0')),
  fc.nat(12).map((n) => String(n).padStart(2, '0')),
  fc.stringMatching(/^[0-9]{1,20}$/),
);
const host = fc
  .tuple(part, fc.array(fc.tuple(number, part), { maxLength: 3 }), fc.constantFrom('', '.lab', '.eqiad.wmnet', '7'))
  .map(([first, rest, end]) => first + rest.flat().join('') + end);

test('folding and expanding are inverse', () => {
  fc.assert(
    fc.property(fc.array(host, { minLength: 1, maxLength: 60 }), (hosts) => {
      assert.deepEqual(expand(fold(hosts)), sorted(hosts));
    }),
    { numRuns: 500 },
  );
});

test('close names fold to a short form that expands to them', () => {
  const close = fc.tuple(fc.constantFrom('a', 'b'), fc.nat(15), fc.constantFrom('x', '-'), fc.nat(3));
  fc.assert(
    fc.property(
      fc.uniqueArray(
        close.map((parts) => parts.join('')),
        { minLength: 1 },
      ),
      (hosts) => {
        const folded = fold(hosts);
        assert.deepEqual(expand(folded), sorted(hosts));
        assert.equal(fold(expand(folded)), folded);
      },
    ),
    { numRuns: 300 },
  );
});
