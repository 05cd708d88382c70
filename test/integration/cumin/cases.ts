import type { Difference } from './differences.ts';

/** A call of both programs with the same arguments. */
export interface Case {
  args: readonly string[];
  /** Where the two differ on purpose. */
  differs?: Difference;
  /** Mostly waits. */
  slow?: true;
}

/** The number of the host it runs on. */
const n = '${HOME##*/host}';
/** Writes down where it ran; `TRACE` is a file for each of the two programs. */
const trace = `echo ${n} >>TRACE`;

const plain = (...args: string[]): Case => ({ args });
const slow = (...args: string[]): Case => ({ args, slow: true });
const but = (differs: Difference, ...args: string[]): Case => ({ args, differs });
/** Longer than a time-out of 6 s, which the others keep however busy the machine is. */
const hang = 'exec sleep 100';

const queries = [
  'host1',
  'host[1-19]',
  'host[1,3,5-7]',
  'host1,host3',
  'host[1-5]!host3',
  'host[1-5]&host[3-9]',
  'host[1-3]^host[2-5]',
  'host1 or host2',
  'host[1-5] and host[3-9]',
  'host[1-5] and not host[2-3]',
  'host[1-3] xor host[2-5]',
  'host1 or host[1-5] and host[3-9]',
  'host1 or (host[1-5] and host[3-9])',
  'D{host[1-2]} or D{host[4-5]}',
  'd{host[1-5]} AND NOT D{host2 or host4}',
  'A:few and not D{host2}',
].map((query) => plain(query, trace));

const outputs = [
  plain('host[1-5]', 'echo ok'),
  plain('host[1-19]', `echo $((${n} % 3))`),
  plain('host[9-12]', `echo I am ${n}`),
  plain('host[1-3]', 'echo one; echo two; echo; echo four'),
  plain('host[1-3]', 'echo'),
  plain('host[1-3]', 'echo a; echo; echo'),
  plain('host[1-3]', `printf 'no end of line'; [ ${n} = 2 ] || echo`),
  plain('host[1-3]', 'echo out; echo err >&2'),
  plain('host[1-3]', "printf 'dos\\r\\n'"),
  but('overwritten lines', 'host[1-3]', "printf '10%%\\r99%%\\rdone\\n'"),
  plain('host[1-3]', 'echo "grüße, 世界 🦭"'),
  plain('host[1-3]', 'true'),
  plain('host[1-2]', 'seq 1 2000'),
  plain('host[1-4]', `test ${n} -gt 2 && echo "high: ${n}" | tr a-z A-Z || echo 'it''s low'`),
  plain('host7', 'echo one; echo; echo three'),
  plain('host7', 'true'),
];

const failures = [
  plain('host[1-5]', `${trace}; test ${n} -ne 3`),
  plain('host[1-5]', 'echo no; exit 1'),
  plain('host[1-5]', `exit ${n}`),
  plain('-x', 'host[1-5]', `exit ${n}`),
  but('killed', 'host[1-3]', 'kill -KILL $$'),
  plain('host[1-2]', 'no-such-command 2>/dev/null'),
  plain('host7', 'echo failing; false'),
  but('unreachable', 'host[18-20]', 'echo ok'),
  but('unreachable', '-p', '60', 'host[18-20]', 'true'),
];

const thresholds = [
  plain('-p', '50', 'host[1-5]', `test ${n} -ne 3`),
  plain('-p', '80', 'host[1-5]', `test ${n} -ne 3`),
  plain('-p', '81', 'host[1-5]', `test ${n} -ne 3`),
  plain('-p', '0', 'host[1-5]', 'false'),
  plain('-p', '99', 'host[1-16]', `test ${n} -ne 16`),
  plain('-p', '6', 'host[1-16]', `test ${n} -eq 16`),
];

const modes = [
  plain('-m', 'sync', 'host[1-5]', `${trace}; echo one`, `${trace}; echo two`),
  plain('-m', 'sync', 'host[1-5]', `test ${n} -ne 3`, trace),
  plain('-m', 'sync', '-p', '50', 'host[1-5]', `test ${n} -ne 3`, `${trace}; echo ${n}`, `test ${n} -ne 5`),
  plain('-m', 'sync', '-p', '70', 'host[1-5]', `test ${n} -ne 3`, `test ${n} -ne 5`, trace),
  plain('-m', 'sync', 'host[1-3]', 'true', 'true'),
  plain('-m', 'sync', 'host7', 'echo 1', 'echo 2; false', 'echo 3'),
  plain('-m', 'async', 'host[1-5]', `${trace}; echo one`, `${trace}; echo ${n}`),
  plain('-m', 'async', 'host[1-5]', `test ${n} -ne 3`, `${trace}; test ${n} -ne 4`, trace),
  plain('-m', 'async', '-p', '60', 'host[1-5]', `test ${n} -ne 3`, `test ${n} -ne 4; echo two`, 'echo end'),
  plain('-m', 'async', '-p', '0', 'host[1-3]', 'false', 'echo two'),
  plain('-m', 'async', 'host7', 'echo 1', 'echo 2; false', 'echo 3'),
  plain('-m', 'async', 'host[1-3]', 'echo alone'),
  but('nobody left', '-m', 'sync', '-p', '0', 'host[1-3]', 'false', 'true'),
];

const batches = [
  plain('-b', '1', 'host[1-5]', `${trace}; echo ok`),
  plain('-b', '1', 'host[1-5]', `${trace}; test ${n} -ne 3`),
  plain('-b', '3', '-s', '0.1', 'host[1-7]', `${trace}; echo ${n}`),
  plain('-b', '50%', 'host[1-5]', trace),
  plain('-b', '100', 'host[1-5]', trace),
  plain('-b', '1', '-p', '60', 'host[1-9]', `${trace}; test ${n} -lt 3`),
  plain(
    '-b',
    '1',
    '-m',
    'sync',
    '-p',
    '50',
    'host[1-4]',
    `${trace}; test ${n} -ne 2`,
    `${trace}; test ${n} -ne 3`,
    trace,
  ),
  plain('-b', '1', '-m', 'async', 'host[1-5]', `${trace}; true`, `${trace}; test ${n} -ne 3`),
  plain('-b', '2', '-m', 'async', '-p', '50', 'host[1-6]', trace, `test ${n} -ne 3`),
  but('words', '-b', '1%', 'host[1-3]', trace),
];

const timeouts = [
  slow('-t', '6', 'host7', `echo begin; ${hang}`),
  slow('-t', '6', 'host[1-4]', `echo begin; [ ${n} -ne 2 ] || ${hang}`),
  slow('-t', '6', '-p', '50', 'host[1-4]', `[ ${n} -ne 2 ] || ${hang}`),
  slow('-t', '6', '-m', 'sync', '-p', '50', 'host[1-4]', `[ ${n} -ne 2 ] || ${hang}`, `${trace}; [ ${n} -ne 3 ]`),
  slow('-t', '6', '-m', 'async', 'host[1-4]', `[ ${n} -ne 2 ] || ${hang}`, `${trace}; false`),
  slow('-t', '6', '-b', '1', 'host[1-4]', `${trace}; [ ${n} -ne 2 ] || ${hang}`),
  slow('--global-timeout', '8', 'host[1-4]', `echo begin; [ ${n} -ne 2 ] || ${hang}`),
  slow('--global-timeout', '8', '-b', '1', 'host[1-4]', `[ ${n} -ne 2 ] || ${hang}`),
  slow('--global-timeout', '8', '-m', 'sync', 'host[1-4]', `[ ${n} -ne 2 ] || ${hang}`, 'echo two'),
  slow('--global-timeout', '8', '-m', 'async', 'host[1-4]', `[ ${n} -ne 2 ] || ${hang}`, 'echo two'),
];

const forms = [
  plain('-o', 'txt', 'host[1-11]', `echo a; echo; echo b ${n}`),
  plain('-o', 'txt', 'host[1-3]', 'false'),
  plain('-o', 'json', 'host[1-11]', `printf 'a\\n"q" \\\\ \\t é 🦭\\n\\n'; [ ${n} = 2 ] || printf last`),
  plain('-o', 'json', 'host[1-3]', 'true'),
  plain('-o', 'json', 'host[1-3]', `[ ${n} = 2 ] || echo ${n}; exit ${n}`),
  plain('-o', 'txt', 'host7', 'echo one; echo two'),
];

const nothingRuns = [
  plain('host1 and host2', trace),
  plain('D{host1} and D{host2}', trace),
  plain('host[1-3]'),
  plain('--dry-run', 'host[1-3]', trace),
  but('words', 'host1 or or', trace),
  but('words', 'host[5-1]', trace),
  but('words', 'A:nobody', trace),
  but('words', 'host[1-3]', trace, trace),
  but('words', '-m', 'sync', '-o', 'txt', 'host[1-3]', trace, trace),
  but('words', '-b', '0', 'host[1-3]', trace),
  but('words', '-p', '101', 'host[1-3]', trace),
  but('refused first', '-t', '0', 'host[1-3]', trace),
  but('refused first', '--global-timeout', '0', 'host[1-3]', trace),
  but('refused first', '-s', '-1', 'host[1-3]', trace),
];

export const cases: readonly Case[] = [
  ...queries,
  ...outputs,
  ...failures,
  ...thresholds,
  ...modes,
  ...batches,
  ...timeouts,
  ...forms,
  ...nothingRuns,
];
