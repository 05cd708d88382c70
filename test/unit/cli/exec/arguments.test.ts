import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExec } from '../../../../src/cli/exec/arguments.ts';

const parse = (...argv: string[]) => {
  const parsed = parseExec(argv);
  assert.ok(!('help' in parsed));
  return parsed;
};

test('a query and a command are enough', () => {
  assert.deepEqual(parse('host[1-5]', 'uname -r'), {
    query: 'host[1-5]',
    commands: ['uname -r'],
    mode: 'sync',
    successPercentage: 100,
    colors: true,
    progress: true,
    force: false,
    safe: false,
    dryRun: false,
  });
  assert.deepEqual(parse('host1').commands, []);
});

test("Cumin's options are read wherever they stand", () => {
  const args = parse(
    ...['-m', 'async', '-b', '10', '-s', '0.5', 'q', '-p', '90', 'one', '-t', '30', '-g', '60'],
    ...['--ok-codes', '0,2, 2', '-o', 'ndjson', '-n', '--no-progress', '--force', '--safe', 'two'],
    ...['--backend', 'puppetdb'],
  );
  assert.deepEqual(args, {
    query: 'q',
    backend: 'puppetdb',
    commands: ['one', 'two'],
    mode: 'async',
    batchSize: 10,
    batchSleep: 0.5,
    successPercentage: 90,
    timeout: 30,
    globalTimeout: 60,
    okCodes: [0, 2],
    output: 'ndjson',
    colors: false,
    progress: false,
    force: true,
    safe: true,
    dryRun: false,
  });
  assert.equal(parse('-b', '33%', 'q', 'c').batchSize, '33%');
  assert.deepEqual(parse('-x', 'q', 'c').okCodes, []);
  assert.equal(parse('-m', 'async', 'q', 'c').mode, 'sync');
});

const wrong: [why: RegExp, ...argv: string[]][] = [
  [/missing required argument 'query'/],
  [/the query is empty/, ' '],
  [/command #2 is empty/, '-m', 'sync', 'q', 'a', ''],
  [/-m\/--mode is required when there are multiple COMMANDS/, 'q', 'a', 'b'],
  [/-o\/--output txt and json can be used only with one command/, '-m', 'sync', '-o', 'json', 'q', 'a', 'b'],
  [/-m, --mode <mode>' argument 'both' is invalid/, '-m', 'both', 'q', 'a'],
  [/'-b, --batch-size <size>' argument '0' is invalid. Expected a number of hosts above 0/, '-b', '0', 'q', 'a'],
  [/'-b, .* argument '1.5' is invalid/, '-b', '1.5', 'q', 'a'],
  [/'-b, .* argument '101%' is invalid. Expected a percentage/, '-b', '101%', 'q', 'a'],
  [/'-s, --batch-sleep <seconds>' argument '-1' is invalid/, '-s', '-1', 'q', 'a'],
  [/'-p, --success-percentage <pct>' argument '101' is invalid/, '-p', '101', 'q', 'a'],
  [/'-p, .* argument '0.9' is invalid. Expected a whole percentage/, '-p', '0.9', 'q', 'a'],
  [/'-t, --timeout <seconds>' argument '0' is invalid/, '-t', '0', 'q', 'a'],
  [/'-g, --global-timeout <seconds>' argument '1h' is invalid/, '-g', '1h', 'q', 'a'],
  [/'--ok-codes <list>' argument '0,256' is invalid/, '--ok-codes', '0,256', 'q', 'a'],
  [/-x\/--ignore-exit-codes and --ok-codes exclude each other/, '-x', '--ok-codes', '1', 'q', 'a'],
  [/-o, --output <format>' argument 'xml' is invalid/, '-o', 'xml', 'q', 'a'],
  [/unknown option '--nonsense'/, '--nonsense', 'q', 'a'],
];
for (const [why, ...argv] of wrong)
  test(`refused in one line: exec ${argv.join(' ')}`, () => {
    assert.throws(
      () => parseExec(argv),
      ({ code, message }: { code: string; message: string }) => {
        assert.equal(code, 'ARGUMENTS_INVALID');
        assert.match(message, why);
        assert.doesNotMatch(message, /\n/);
        return true;
      },
    );
  });

test('the help teaches by examples and names the exit statuses', () => {
  const parsed = parseExec(['--help']);
  assert.ok('help' in parsed);
  for (const part of [
    /^Usage: cookbook \[GLOBAL_ARGS\] exec \[options\] <query> \[command\.\.\.\]/,
    /-b 2 -s 30/,
    /98 int/,
  ])
    assert.match(parsed.help, part);
});
