import fc from 'fast-check';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { isOpsError } from '../../../src/model/errors.ts';
import { resolveQuery } from '../../../src/query/query.ts';
import { aliases, config, file } from '../../unit/query/support.ts';

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
const pick = (...texts: string[]) => fc.constantFrom(...texts);
const range = pick('1', '1-3', '2-4', '1,3', '01-03', '9-11', '3-1');
const word = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(pick('web', 'db', 'a2b'), range, pick('', '.eqiad')).map(([a, b, c]) => `${a}[${b}]${c}`),
  },
  { weight: 6, arbitrary: pick('web1', 'web2', 'db1.eqiad', 'orhost', 'not', 'or-1', 'x', 'h_1-2.y') },
  {
    weight: 4,
    arbitrary: fc
      .tuple(pick('web[1-5]', 'web2'), pick(',', '!', '&', '^'), pick('web[2-3]', 'db1', ''))
      .map((all) => all.join('')),
  },
);
const knownWord = fc.oneof(word, pick('web*', 'web?', '*', '*.eqiad', '*!web*', 'web*&*1', '*[1-2]', 'nope,*1'));
const operator = pick(
  ' or ',
  ' and ',
  ' xor ',
  ' and not ',
  ' OR ',
  ' And Not ',
  '\tor\n',
  ')or(',
  ' and  not ',
  'or',
  ' ',
  ' or not ',
);
const boolean = (item: fc.Arbitrary<string>) =>
  fc.letrec<{ expression: string; term: string }>((tie) => ({
    expression: fc
      .tuple(
        tie('term'),
        fc.array(
          fc.tuple(
            fc.oneof(
              { weight: 9, arbitrary: pick(' or ', ' and ', ' xor ', ' and not ') },
              { weight: 1, arbitrary: operator },
            ),
            tie('term'),
          ),
          { maxLength: 3 },
        ),
      )
      .map(([first, rest]) => first + rest.flat().join('')),
    term: fc.oneof(
      { maxDepth: 2, withCrossShrink: true },
      { weight: 5, arbitrary: item },
      { weight: 1, arbitrary: tie('expression').map((inner) => `(${inner})`) },
    ),
  })).expression;
const globalItem = fc.oneof(
  { weight: 4, arbitrary: boolean(word).map((inner) => `D{${inner}}`) },
  { weight: 3, arbitrary: boolean(knownWord).map((inner) => `K{ ${inner} }`) },
  {
    weight: 3,
    arbitrary: pick(
      'A:web',
      'a:pair',
      'A:odd',
      'A:bare',
      'A:gone',
      'A:',
      'd{web1}',
      'D{}',
      'X{a}',
      'D{"}"}',
      'D{a',
      'D {a}',
    ),
  },
);
const query = fc.oneof(
  { weight: 4, arbitrary: boolean(globalItem) },
  { weight: 2, arbitrary: boolean(word) },
  { weight: 2, arbitrary: boolean(knownWord) },
);

test(
  '600 generated queries give the hosts that Cumin gives, or no party takes them',
  { skip: noCumin, timeout: 300_000 },
  async () => {
    const cases = fc
      .sample(fc.tuple(query, pick('direct', 'direct', 'knownhosts', '')), { numRuns: 600, seed: 20261128 })
      .map(([text, backend]) => ({ text, backend }));
    const input = cases.map(({ text, backend }) => {
      const settings = {
        knownhosts: { files: [known] },
        aliases: byName,
        ...(backend !== '' && { default_backend: backend }),
      };
      return JSON.stringify({ query: text, config: settings });
    });
    const script = join(import.meta.dirname, 'ask-cumin.py');
    const output = execFileSync(python, [script], {
      input: `${input.join('\n')}\n`,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const theirs = output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { hosts?: string[]; error?: string });
    assert.equal(theirs.length, cases.length);
    let resolved = 0;
    for (const [i, { text, backend }] of cases.entries()) {
      const ours = config({
        knownhosts: { files: [known] },
        default_backend: backend === '' ? null : backend,
        ...aliases(byName),
      });
      const world = { config: ours, signal: new AbortController().signal, warn: () => undefined };
      const answer = await resolveQuery(text, world).catch((error: unknown) => {
        assert.ok(isOpsError(error), `'${text}' (${backend}): ${String(error)}`);
        return undefined;
      });
      const expected = theirs[i];
      assert.deepEqual(
        answer && [...answer].sort(),
        expected?.hosts?.sort(),
        `'${text}' (${backend}): Cumin ${expected?.error ?? 'answers'}`,
      );
      if (answer) resolved += 1;
    }
    // Neither side of the comparison is idle.
    assert.ok(resolved > 200 && resolved < 550, `${resolved} resolved`);
  },
);
