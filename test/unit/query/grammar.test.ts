import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOpsError } from '../../../src/model/errors.ts';
import { aliases, folded } from './support.ts';

/** Each query gives these hosts. */
async function give(cases: Record<string, string>, keys: object = {}) {
  for (const [query, hosts] of Object.entries(cases)) assert.equal(await folded(query, keys), hosts, query);
}

/** Each query is refused, in words that match. */
async function refused(cases: Record<string, RegExp>, keys: object = {}, code = 'QUERY_INVALID') {
  for (const [query, message] of Object.entries(cases))
    await assert.rejects(folded(query, keys), (error) => {
      assert.ok(isOpsError(error), `${query}: ${String(error)}`);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    });
}

const globalOnly = { default_backend: null };

test('operators go from left to right without precedence, and parentheses group', async () => {
  await give({
    'host1 or host[1-5] and host[3-9]': 'host[3-5]',
    'host1 or (host[1-5] and host[3-9])': 'host[1,3-5]',
    'D{host1} or D{host[1-5]} and D{host[3-9]}': 'host[3-5]',
    '( D{host1} or D{host2} ) and D{host2}': 'host2',
    '((host1) or ((host2)))': 'host[1-2]',
    'host[1-3] and not host2': 'host[1,3]',
    'host1 xor host[1-2]': 'host2',
    'host1 and host2': '',
  });
});

test('letters, A and operators may be written in any case', async () => {
  await give(
    { 'd{host1} OR D{host2}': 'host[1-2]', 'a:x And Not d{host2}': 'host[1,3]', 'A:x XoR D{host1}': 'host[2-3]' },
    aliases({ x: 'D{host[1-3]}' }),
  );
});

test('`and not` has exactly one space and stands between two items', async () => {
  const end = /the end of the query expected/;
  await refused({
    'host1 and  not host2': end,
    'host1 and\tnot host2': end,
    'D{host1} and  not D{host2}': end,
    'host1 or not host2': end,
    'D{host1} or not D{host2}': /not 'not', at character 13/,
    'not host1': end,
    'not D{host1}': /at character 1\)/,
    'host1 and not not host2': end,
  });
});

test('a blank is needed around an operator only where a letter or digit would go on', async () => {
  await give({
    'D{host1}or D{host2}': 'host[1-2]',
    '(D{host1})or(D{host2})': 'host[1-2]',
    'host[1-3] and not(host2)': 'host[1,3]',
    'D{host1}\nor\nD{host2}': 'host[1-2]',
    orhost: 'orhost',
    'host[1-3]orhost5': 'host[1-3]orhost5',
    'not or nothost': 'not,nothost',
  });
  await refused({
    'D{host1}orD{host2}': /not 'orD', at character 9/,
    'D{host1} andnot D{host2}': /not 'andnot'/,
    or: /hosts expected, not 'or', at character 1/,
    'host1 or or': /hosts expected, not 'or', at character 10/,
    'or-1': /hosts expected/,
  });
});

test('the default backend is tried first, the global grammar only when that does not parse', async () => {
  await give({ A: 'A', 'A:x': 'h1', 'D{host1}': 'host1', '(D{host1})': 'host1' }, aliases({ x: 'D{h1}' }));
  await give({ 'host1!host1': '', 'host1 and host2': '' });
  await refused({
    'host1 or D{host2}':
      /^query 'host1 or D\{host2\}' is neither in the grammar of the default backend 'direct' \(the end of the query expected, not '\{', at character 11\) nor in the global grammar \(D\{...\}, .*A:alias or '\(' expected, not 'host1', at character 1\)$/,
  });
});

test('without a default backend only the global grammar counts', async () => {
  await give({ 'D{host1}': 'host1' }, globalOnly);
  await refused({ host1: /^query 'host1' is not in the global grammar: .* not 'host1', at character 1$/ }, globalOnly);
  await refused(
    { host1: /^default_backend: 'nope' is no backend, known are direct, knownhosts/ },
    { default_backend: 'nope' },
    'CONFIG_INVALID',
  );
});

test('a query of a backend ends at the first brace outside of quotes', async () => {
  await give({ 'D{ host1 }': 'host1', ' D{host1 or host2} ': 'host[1-2]', 'D{fooD}': 'fooD', 'D{(host1)}': 'host1' });
  await refused(
    {
      'D{}': /hosts expected, not the end, at character 3/,
      'D{ }': /hosts expected/,
      'D{host1': /'}' expected, not the end, at character 8/,
      'D{host1}}': /not '}', at character 9/,
      'D{a D{b}}': /'}' expected before another D\{, at character 5/,
      'D{a k{b}': /'}' expected before another k\{/,
      'D{"host1}"}': /hosts expected, not '"', at character 3/,
      "D{a'}'}": /the end of the query expected, not ''', at character 4/,
      'D{a"b}': /not '"', at character 4/,
      'D {host1}': /expected/,
      'X{a}': /X\{...\} is none of D\{...\}, K\{...\}/,
      '{host1}': /expected, not '\{'/,
      'DD{host1}': /expected/,
      '': /expected, not the end, at character 1/,
      '()': /expected, not '\)', at character 2/,
      '(D{host1}': /an operator or '\)' expected, not the end/,
      'D{host1})': /not '\)', at character 9/,
      'D{host1} D{host2}': /the end of the query expected, not 'D', at character 10/,
      'D{host1} or': /expected, not the end, at character 12/,
    },
    globalOnly,
  );
});

test('parentheses may go deep, not bottomless', async () => {
  const nested = (depth: number) => '('.repeat(depth) + 'host1' + ')'.repeat(depth);
  await give({ [nested(100)]: 'host1' });
  await refused({ [nested(100_000)]: /no more than 100 parentheses/ });
});

test('the direct backend takes words of host sets, and no other character', async () => {
  await give({
    'host[1-5]!host3': 'host[1-2,4-5]',
    'host[1-5]&host[3-9]': 'host[3-5]',
    'host[1-2]^host[2-3]': 'host[1,3]',
    'a,b!a,c': 'b,c',
    'h[1-2]x[3-4]': 'h[1-2]x[3-4]',
    'host[01-10]': 'host[01-10]',
  });
  for (const character of ['+', '*', '?', '/', '@', ':'])
    await refused({ [`host${character}1`]: /the end of the query expected, not '.', at character 5/ });
});

test('a bad range is told as such, and is no matter of the grammar', async () => {
  await refused({ 'host[5-1]': /'5-1'/, 'D{host[a-b]}': /a-b/, 'host1,,host2': /./ }, {}, 'HOSTS_INVALID');
});

test('aliases are groups of the global grammar and may use each other', async () => {
  const some = aliases({
    web: 'D{web1} or D{web2}',
    db: 'D{db[1-2]}',
    all: 'A:web or A:db',
    'x.y+z-_': 'D{odd}',
    Upper: ' D{upper1} ',
  });
  await give(
    {
      'A:web': 'web[1-2]',
      'A:all and not A:db': 'web[1-2]',
      'D{web2} and not A:web': '',
      'D{web1} xor A:web': 'web2',
      'A:x.y+z-_ or A:Upper': 'odd,upper1',
    },
    some,
  );
  await refused(
    { 'A:wb': /^Unable to find alias replacement for 'wb' in .*aliases.yaml: did you mean db or web\?$/ },
    some,
  );
  await refused(
    { 'A:upper': /'upper'/, 'A:': /the name of an alias expected/, 'A: web': /not ' '/, 'A:web,': /','/ },
    some,
  );
});

test('an alias is never of the default backend', async () => {
  await refused(
    { 'A:bare': /^alias 'bare' in .* is 'host1', which is not in the global grammar: .* at character 1$/ },
    aliases({ bare: 'host1' }),
  );
});

test('aliases that lead to themselves are named', async () => {
  const some = aliases({ one: 'A:one', a: 'D{x} or A:b', b: 'A:c', c: 'A:a' });
  await refused({ 'A:one': /alias 'one' in .* leads to itself: one -> one$/ }, some);
  await refused({ 'D{y} or A:b': /alias 'b' in .* leads to itself: b -> c -> a -> b$/ }, some);
});

test('a missing file of aliases is told when one is used', async () => {
  await refused({ 'A:web': /alias replacement for 'web' in .*none.yaml, which does not exist/ });
});
