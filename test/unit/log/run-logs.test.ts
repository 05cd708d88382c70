import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { createRunLogs, logPath } from '../../../src/log/run-logs.ts';
import { temporalLogger } from '../../../src/log/temporal-logger.ts';
import { isOpsError } from '../../../src/model/errors.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sumac-logs-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});
const lines = (name: string) =>
  readFileSync(join(dir, name), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^[-\d]+ [\d:,]+ /, '').replace(` ${process.pid} `, ' '));

test('the path of a cookbook’s files is its name with folders for dots, a class stays with its module', () => {
  assert.equal(logPath('sre.hosts.reimage'), 'sre/hosts/reimage');
  assert.equal(logPath('wmcs.toolforge.add-node'), 'wmcs/toolforge/add-node');
  assert.equal(logPath('sre.hosts.reboot.RebootSingle'), 'sre/hosts/reboot.RebootSingle');
  for (const name of ['../../etc/passwd', 'a..b', '', '/x', 'a b']) assert.equal(logPath(name), undefined, name);
});

test('INFO and above go to both files of a cookbook, DEBUG to the extended one alone', () => {
  const logs = createRunLogs({ logs_base_dir: dir });
  const context = { cookbook: 'sre.hosts.reimage', run: 'r1', user: 'alice', dryRun: false, logger: 'remote' };
  logs.line('DEBUG', context, 'detail');
  logs.line('INFO', context, 'said');
  logs.line('CRITICAL', { ...context, dryRun: true }, 'bad');
  logs.flush();
  logs.close();
  assert.deepEqual(lines('sre/hosts/reimage.log'), ['alice [INFO] r1: said', 'DRY-RUN alice [CRITICAL] r1: bad']);
  assert.deepEqual(lines('sre/hosts/reimage-extended.log'), [
    'alice [DEBUG remote] r1: detail',
    'alice [INFO remote] r1: said',
    'DRY-RUN alice [CRITICAL remote] r1: bad',
  ]);
});

test('a name no cookbook can have leads nowhere but into the worker’s log', () => {
  const logs = createRunLogs({ logs_base_dir: dir });
  logs.line('INFO', { cookbook: '../evil', run: 'r1' }, 'said');
  logs.close();
  assert.deepEqual(lines('worker.log'), ['- [INFO] r1: said']);
  assert.deepEqual(readdirSync(dir), ['worker.log']);
});

test('a directory that cannot be written is one clear error at the start', () => {
  const root = join(dir, 'file');
  writeFileSync(root, '');
  assert.throws(
    () => createRunLogs({ logs_base_dir: root }),
    (error) =>
      isOpsError(error) &&
      error.code === 'LOGS_UNWRITABLE' &&
      error.message.startsWith(`logs_base_dir '${root}' cannot be written: `),
  );
});

test('a cookbook whose files cannot be opened later speaks through the worker’s log', () => {
  const logs = createRunLogs({ logs_base_dir: dir });
  writeFileSync(join(dir, 'sre'), 'in the way');
  logs.line('INFO', { cookbook: 'sre.x', run: 'r1', user: 'alice' }, 'said');
  logs.close();
  const [first, second] = lines('worker.log');
  assert.match(first ?? '', /^- \[ERROR\] .*\/sre\/x\.log: .*: its lines follow here$/);
  assert.equal(second, 'alice [INFO] r1: said');
});

test('what Temporal says of a run goes to its cookbook, the rest to the worker and from WARNING on to stderr', () => {
  const said: string[] = [];
  const stderr = mock.method(process.stderr, 'write', (text: string) => said.push(text) > 0);
  const logs = createRunLogs({ logs_base_dir: dir });
  const logger = temporalLogger(logs);
  const run = { workflowType: 'sre.x', workflowId: 'r1', user: 'alice', dryRun: true };
  logger.info('step done', { ...run, sdkComponent: 'workflow' });
  logger.debug('look', { ...run, sdkComponent: 'activity', activityType: 'ipmi.powerStatus' });
  logger.trace('nothing', run);
  logger.debug('Activity started', { workflowType: 'sre.z', workflowId: 'r1', sdkComponent: 'worker' });
  logger.warn('Activity failed', {
    ...run,
    sdkComponent: 'worker',
    activityType: 'ipmi.powerCycle',
    attempt: 2,
    error: new Error('no answer'),
  });
  logger.info('from a child', { ...run, workflowType: 'sre.y', logsOf: 'sre.x', sdkComponent: 'workflow' });
  logger.info('Worker state changed', { sdkComponent: 'worker' });
  logger.warn('Slow poll', { sdkComponent: 'core' });
  stderr.mock.restore();
  logs.close();
  assert.deepEqual(lines('sre/x.log'), [
    'DRY-RUN alice [INFO] r1: step done',
    'DRY-RUN alice [WARNING] r1: Activity failed (ipmi.powerCycle, attempt 2): no answer',
    'DRY-RUN alice [INFO] r1: from a child',
  ]);
  assert.equal(lines('sre/x-extended.log')[1], 'DRY-RUN alice [DEBUG ipmi.powerStatus] r1: look');
  assert.deepEqual(readdirSync(join(dir, 'sre')).sort(), ['x-extended.log', 'x.log']);
  assert.deepEqual(lines('worker.log'), ['- [INFO worker] Worker state changed', '- [WARNING core] Slow poll']);
  assert.deepEqual(said, ['WARNING: Slow poll\n']);
});
