import type { LogLevel as TemporalLevel, LogMetadata, Logger } from '@temporalio/worker';
import { messageOf } from '../model/errors.ts';
import type { LogLevel } from './line.ts';
import type { RunLogs } from './run-logs.ts';

const levels: Record<TemporalLevel, LogLevel | undefined> = {
  TRACE: undefined,
  DEBUG: 'DEBUG',
  INFO: 'INFO',
  WARN: 'WARNING',
  ERROR: 'ERROR',
};

/**
 * Hands what Temporal, workflows and activities log to the files: what belongs to a run to its cookbook's, the rest to
 * the worker's, and from WARNING on to stderr too. Beside the SDK's own attributes it understands `user`, `dryRun`,
 * `logger`, and `logsOf`, the cookbook whose files take the lines of a child run.
 */
export function temporalLogger(logs: RunLogs): Logger {
  const log = (level: TemporalLevel, message: string, meta: LogMetadata = {}) => {
    const ours = levels[level];
    if (ours === undefined) return;
    const text = textOf(message, meta);
    const logger = word(meta['logger']) ?? speaker(meta);
    if (meta['workflowId'] === undefined || meta['workflowType'] === undefined) {
      logs.line(ours, { logger }, text);
      if (ours === 'WARNING' || ours === 'ERROR') process.stderr.write(`${ours}: ${text}\n`);
      return;
    }
    const user = word(meta['user']);
    // The SDK says that something started before anybody knows of which run; its end tells the same.
    if (user === undefined && ours === 'DEBUG') return;
    logs.line(
      ours,
      {
        cookbook: word(meta['logsOf']) ?? String(meta['workflowType']),
        run: String(meta['workflowId']),
        dryRun: meta['dryRun'] === true,
        logger,
        ...(user !== undefined && { user }),
      },
      text,
    );
  };
  return {
    log,
    trace: (message, meta) => log('TRACE', message, meta),
    debug: (message, meta) => log('DEBUG', message, meta),
    info: (message, meta) => log('INFO', message, meta),
    warn: (message, meta) => log('WARN', message, meta),
    error: (message, meta) => log('ERROR', message, meta),
  };
}

const word = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const speaker = ({ sdkComponent, activityType, workflowType }: LogMetadata): string =>
  word(sdkComponent === 'workflow' ? workflowType : activityType) ?? word(sdkComponent) ?? 'worker';

// The SDK says "Activity failed" and puts which one, and why, beside it. Inputs and results are never among it.
function textOf(message: string, { sdkComponent, activityType, attempt, error }: LogMetadata): string {
  const which =
    sdkComponent === 'worker' && typeof activityType === 'string'
      ? ` (${activityType}, attempt ${String(attempt)})`
      : '';
  return `${message}${which}${error === undefined ? '' : `: ${messageOf(error)}`}`;
}
