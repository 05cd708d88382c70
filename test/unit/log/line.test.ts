import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatLine, localTime, type LogRecord } from '../../../src/log/line.ts';

const at = new Date(2026, 10, 22, 0, 54, 0, 824);
const record: LogRecord = {
  at,
  level: 'INFO',
  user: 'alice',
  run: 'sre.x/1',
  logger: 'ipmi.powerCycle',
  message: 'done',
};
const { pid } = process;

test('a line has the form of the original, and the run id', () => {
  assert.equal(localTime(at), '2026-11-22 00:54:00,824');
  assert.equal(formatLine(record, false), `2026-11-22 00:54:00,824 alice ${pid} [INFO] sre.x/1: done\n`);
  assert.equal(formatLine(record, true), `2026-11-22 00:54:00,824 alice ${pid} [INFO ipmi.powerCycle] sre.x/1: done\n`);
});

test('a dry run is marked', () => {
  const line = formatLine({ ...record, dryRun: true, level: 'WARNING' }, false);
  assert.equal(line, `2026-11-22 00:54:00,824 DRY-RUN alice ${pid} [WARNING] sre.x/1: done\n`);
});

test('without run and user there is no run id, and a dash', () => {
  assert.equal(
    formatLine({ at, level: 'ERROR', message: 'oops' }, true),
    `2026-11-22 00:54:00,824 - ${pid} [ERROR] oops\n`,
  );
});

test('each line of a long message carries the prefix, so that none is forged and all are found', () => {
  const lines = formatLine({ ...record, message: 'one\n2026-11-22 forged\r\nthree\n' }, false)
    .trimEnd()
    .split('\n');
  assert.deepEqual(
    lines.map((line) => line.slice(line.indexOf('sre.x/1: '))),
    ['sre.x/1: one', 'sre.x/1: 2026-11-22 forged', 'sre.x/1: three'],
  );
});

test('control characters are shown, not obeyed', () => {
  assert.ok(formatLine({ ...record, message: 'a\tb\u001b[31mred' }, false).endsWith(': a\tb\\x1b[31mred\n'));
});
