import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOpsError } from '../../../src/model/errors.ts';
import { NotParsed, Scanner } from '../../../src/query/grammar/scanner.ts';
import { readPuppetdb } from '../../../src/query/puppetdb/grammar.ts';

const asked = (text: string) => JSON.stringify(readPuppetdb(new Scanner(text))().query);
const refused = (text: string, message: RegExp, code = 'QUERY_INVALID') =>
  assert.throws(
    () => asked(text),
    (error) => {
      assert.ok(isOpsError(error) && error.code === code, `${text}: ${String(error)}`);
      assert.match(error.message, message);
      return true;
    },
  );
const notParsed = (text: string, what: RegExp, character: number) =>
  assert.throws(
    () => asked(text),
    (error) => {
      assert.ok(error instanceof NotParsed, `${text}: ${String(error)}`);
      assert.match(error.message, what);
      assert.equal(error.at + 1, character, text);
      return true;
    },
  );

test('`not` before a parenthesis holds for all that is inside', () => {
  const neither = '["not",["or",["or",["=","certname","a"]],["or",["=","certname","b"]]]]';
  assert.equal(asked('not (a or b)'), neither);
  assert.equal(asked('not(a or b)'), neither);
  assert.equal(asked('not (not a)'), '["not",["not",["or",["=","certname","a"]]]]');
  assert.equal(asked('R:x and not (a)'), '["and",["and",["=","type","X"]],["not",["or",["=","certname","a"]]]]');
});

test('a name with `*` is a pattern of the whole name, its other characters stand for themselves', () => {
  assert.equal(asked('web[1-2]*.x'), '["or",["~","certname","^web1.*\\\\.x$"],["~","certname","^web2.*\\\\.x$"]]');
});

test('quotes and backslashes of values arrive as they are written', () => {
  const value = (text: string) => (JSON.parse(asked(`F:a ${text}`)) as unknown[])[2];
  assert.equal(value(`= 'say "hi"'`), 'say "hi"');
  assert.equal(value('= "it\'s"'), "it's");
  assert.equal(value('= "say \\"hi\\""'), 'say "hi"');
  assert.equal(value("= 'C:\\dir'"), 'C:\\dir');
  assert.equal(value('~ \'say "\\d+"\''), 'say "\\d+"');
  assert.equal(value(`= b"c`), 'b"c');
});

test('what has no meaning is refused with the way out', () => {
  refused(
    'a and b or c',
    /^Got unexpected 'or' boolean operator, current operator was 'and', at character 9 of .*: use parentheses$/,
  );
  refused(
    'R:foo and F:a = 1',
    /^Mixed endpoints are not supported, use the global grammar to mix them: resources and nodes in/,
  );
  refused('F:a', /^F:a needs an operator and a value, such as F:a = 1$/);
  refused('R:foo%bar', /^R:foo%bar needs an operator and a value/);
  refused(
    'C:foo = bar',
    /^Invalid query of the form 'C:key = value'. The matching of a value is accepted only when using %param or @field.$/,
  );
  refused('R:foo%a@b = 1', /cannot contain both '%' \(query a resource's parameter\) and '@'/);
  refused('R:%a = 1', /^R:%a names no type$/);
  refused('C:foo% = 1', /^C:foo% names no parameter$/);
  refused('F:a = 12345678901234567890', /^the number 12345678901234567890 is too large to be exact: quote it$/);
  refused('R:foo and a!a', /^hosts 'a!a' are none: PuppetDB cannot be asked for them$/);
  refused('web[3-1]', /'3-1' goes backwards/, 'HOSTS_INVALID');
});

test('what is not of the grammar is pointed at', () => {
  notParsed('not not a', /hosts, 'not', .* expected, not 'not'/, 5);
  notParsed('a xor b', /the end of the query expected, not 'xor'/, 3);
  notParsed('F:a != b', /the end of the query expected, not '!'/, 5);
  notParsed('F: a = b', /a key after F: expected, not ' '/, 3);
  notParsed('F:a =', /a value expected, not the end/, 6);
  notParsed('(a or b', /'and', 'or' or '\)' expected, not the end/, 8);
  notParsed('R:foo = a b', /the end of the query expected, not 'b'/, 11);
  notParsed('or a', /expected, not 'or'/, 1);
});
