import fc from 'fast-check';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { isOpsError } from '../../../src/model/errors.ts';
import { aliases, file, hosts } from '../../unit/query/support.ts';

const python = join(import.meta.dirname, '../../../.dev/venv/bin/python');
const noCumin = spawnSync(python, ['-c', 'import cumin']).status === 0 ? false : 'no cumin in .dev/venv';

const byName = {
  web: 'D{web[1-3]}',
  pair: 'A:web and D{web[2-3]}',
  odd: 'K{*1} or D{x}',
  bare: 'web1',
  gone: 'A:none',
};
const known = file(
  'known_hosts',
  `web1,web2,192.0.2.1 ssh-ed25519 AAAA
[web3]:2222,db1.eqiad,!db2.eqiad ssh-ed25519 AAAA
|1|a=|b= ssh-ed25519 AAAA
@revoked web4 ssh-ed25519 AAAA
@cert-authority web11,*.x ssh-ed25519 AAAA
`,
);

// One generator builds what mostly parses, the other breaks it.
const mostly = (good: fc.Arbitrary<string>, bad: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 39, arbitrary: good }, { weight: 1, arbitrary: bad });
const pick = (...texts: string[]) => fc.constantFrom(...texts);
const range = mostly(pick('1', '1-3', '2-4', '1,3', '01-03', '9-11'), pick('3-1'));
const word = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(pick('web', 'db', 'a2b'), range, pick('', '.eqiad')).map(([a, b, c]) => `${a}[${b}]${c}`),
  },
  { weight: 6, arbitrary: pick('web1', 'web2', 'db1.eqiad', 'orhost', 'not', 'x', 'h_1-2.y') },
  {
    weight: 4,
    arbitrary: fc
      .tuple(pick('web[1-5]', 'web2'), pick(',', '!', '&', '^'), mostly(pick('web[2-3]', 'db1'), pick('')))
      .map((all) => all.join('')),
  },
);
const knownWord = fc.oneof(word, pick('web*', 'web?', '*', '*.eqiad', '*!web*', 'web*&*1', '*[1-2]', 'nope,*1'));
const operator = mostly(
  pick(' or ', ' and ', ' xor ', ' and not ', ' OR ', ' And Not ', '\tor\n'),
  pick(')or(', ' and  not ', 'or', ' ', ' or not '),
);
const boolean = (item: fc.Arbitrary<string>, operators = operator) =>
  fc.letrec<{ expression: string; term: string }>((tie) => ({
    expression: fc
      .tuple(tie('term'), fc.array(fc.tuple(operators, tie('term')), { maxLength: 3 }))
      .map(([first, rest]) => first + rest.flat().join('')),
    term: fc.oneof(
      { maxDepth: 2, withCrossShrink: true },
      { weight: 5, arbitrary: item },
      { weight: 1, arbitrary: tie('expression').map((inner) => `(${inner})`) },
    ),
  })).expression;
const globalItem = mostly(
  fc.oneof(
    boolean(word).map((inner) => `D{${inner}}`),
    boolean(knownWord).map((inner) => `K{ ${inner} }`),
    pick('A:web', 'a:pair', 'A:odd', 'd{web1}'),
  ),
  pick('A:bare', 'A:gone', 'A:', 'D{}', 'X{a}', 'D{"}"}', 'D{a', 'D {a}'),
);
const cased = (backends: string[], query: fc.Arbitrary<string>) => fc.tuple(query, pick(...backends));

/** A query, and the default backend; none when empty. */
type Case = [query: string, backend: string];
interface Answer {
  hosts?: string[];
  folded?: string;
  error?: string;
}

/** What Cumin says to each query. */
async function askCumin(cases: Case[], keys: object): Promise<Answer[]> {
  const child = spawn(python, [join(import.meta.dirname, 'ask-cumin.py')], { stdio: ['pipe', 'pipe', 'ignore'] });
  const guard = () => child.kill();
  process.once('exit', guard);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const lines = cases.map(([query, backend]) => {
    const settings = { ...keys, aliases: byName, ...(backend !== '' && { default_backend: backend }) };
    return `${JSON.stringify({ query, config: settings })}\n`;
  });
  child.stdin.end(lines.join(''));
  const [code] = (await once(child, 'close')) as [number];
  process.off('exit', guard);
  assert.equal(code, 0);
  const answers = output.trimEnd().split('\n');
  assert.equal(answers.length, cases.length);
  return answers.map((line) => JSON.parse(line) as Answer);
}

/** Checks that Sumac says the same, and returns how many queries give hosts. */
async function same(cases: Case[], keys: object, incomparable = (_: Answer) => false): Promise<number> {
  const theirs = await askCumin(cases, keys);
  const settings = { ...keys, ...aliases(byName) };
  let resolved = 0;
  for (const [i, [query, backend]] of cases.entries()) {
    const expected = theirs[i] ?? {};
    if (incomparable(expected)) continue;
    const answer = await hosts(query, { ...settings, default_backend: backend === '' ? null : backend }).catch(
      (error: unknown) => assert.ok(isOpsError(error), `'${query}' (${backend}): ${String(error)}`),
    );
    assert.deepEqual(
      answer && { hosts: [...answer], folded: answer.toString() },
      expected.error === undefined ? expected : undefined,
      `'${query}' (${backend}): Cumin ${expected.error ?? 'answers'}`,
    );
    if (answer) resolved += 1;
  }
  return resolved;
}

const options = { skip: noCumin, timeout: 300_000 };

test('600 generated queries give the hosts that Cumin gives, or neither takes them', options, async () => {
  const queries = fc.oneof(
    { weight: 4, arbitrary: cased(['direct', 'knownhosts', ''], boolean(globalItem)) },
    { weight: 2, arbitrary: cased(['direct'], boolean(word)) },
    { weight: 2, arbitrary: cased(['knownhosts'], boolean(knownWord)) },
    { weight: 1, arbitrary: cased(['direct', ''], boolean(fc.oneof(globalItem, knownWord))) },
  );
  const cases = fc.sample(queries, { numRuns: 600, seed: 20261128 });
  const resolved = await same(cases, { knownhosts: { files: [known] } });
  // Neither side of the comparison is idle.
  assert.ok(resolved > 250 && resolved < 580, `${resolved} resolved`);
});

const category = pick('R:', 'R:', 'C:', 'O:', 'P:', 'c:', 'r:');
const key = pick('foo', 'foo::bar', 'Foo::barBaz', 'class', 'foo%port', 'foo::bar@line', 'foo_bar-x');
const compared = fc
  .tuple(
    pick(' = ', '=', ' ~ ', ' >= ', ' < ', ' > ', '<='),
    fc.oneof(
      pick(
        'bar',
        'foo::bar',
        '5',
        '007',
        '08',
        '-0777',
        '0x1F',
        '1.5',
        '.5',
        '1e3',
        '+7',
        'true',
        'True',
        '"5"',
        '"a b"',
      ),
      pick("'it'", '"a}b"', 'a.*b', '"^a\\.b{2}$"', '/etc/x', 'and', '1.2.3', '0x', '"é"', 'a,b', '"a\\\\b"', '"a"b'),
    ),
  )
  .map((both) => both.join(''));
const resource = fc.tuple(category, key, fc.oneof(pick(''), compared)).map((all) => all.join(''));
const fact = fc.tuple(pick('F:', 'f:'), pick('a', 'a::b', 'a.b-c'), compared).map((all) => all.join(''));
const inventory = fc.tuple(pick('I:'), pick('facts.a', 'facts.a[0]."b"'), compared).map((all) => all.join(''));
const certname = pick('web1', 'web[1-3]', 'web*', '*.eqiad,db[1-2]*', '"db1"', 'web[1-3]!web2', 'C', 'xor', 'nothost');

test('400 generated queries ask PuppetDB what Cumin asks it, or neither asks', options, async () => {
  // Answers with a host whose name is the question.
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      try {
        const { query } = JSON.parse(text) as { query: string };
        const asked = Buffer.from(JSON.stringify([request.url, JSON.parse(query)])).toString('hex');
        const name = asked.replace(/\d/g, (digit) => 'ghijklmnop'.charAt(Number(digit)));
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify([{ certname: name }]));
      } catch {
        response.writeHead(400).end();
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const joint = mostly(pick(' and ', ' and ', ' and not ', ' AND '), pick(' or ', ' xor ', ' and  not ', ' not ', ' '));
  const either = (item: fc.Arbitrary<string>) =>
    fc.oneof(boolean(fc.oneof(item, certname), joint), boolean(item, pick(' or ', ' or ', ' or not ')));
  const inside = mostly(
    fc.oneof(either(resource), either(fact), either(inventory), either(certname)),
    either(fc.oneof(resource, fact, inventory)),
  );
  const queries = fc.oneof(
    cased(['puppetdb'], inside),
    cased(
      ['direct', ''],
      inside.map((text) => `P{${text}}`),
    ),
  );
  // Cumin forgets a `not` before a parenthesis, see the docs of the grammar; there is no equality to be had.
  const cases = fc.sample(queries, { numRuns: 400, seed: 20261128 }).filter(([text]) => !/not *\(/i.test(text));
  try {
    const keys = { puppetdb: { host: '127.0.0.1', port, scheme: 'http' } };
    // Where Cumin sends what is no JSON there is nothing to compare with.
    const resolved = await same(cases, keys, ({ error }) => error === 'HTTPError');
    assert.ok(resolved > 150 && resolved < cases.length, `${resolved} of ${cases.length} resolved`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
