import { MockActivityEnvironment } from '@temporalio/testing';
import type { LogMetadata, Logger } from '@temporalio/worker';

/** What activities themselves logged, as `LEVEL message`. */
export class LogLines implements Logger {
  readonly lines: string[] = [];
  log(level: string, message: string, meta?: LogMetadata): void {
    if (meta?.['sdkComponent'] === 'activity') this.lines.push(`${level} ${message}`);
  }
  readonly trace = (message: string, meta?: LogMetadata): void => this.log('TRACE', message, meta);
  readonly debug = (message: string, meta?: LogMetadata): void => this.log('DEBUG', message, meta);
  readonly info = (message: string, meta?: LogMetadata): void => this.log('INFO', message, meta);
  readonly warn = (message: string, meta?: LogMetadata): void => this.log('WARN', message, meta);
  readonly error = (message: string, meta?: LogMetadata): void => this.log('ERROR', message, meta);
}

/** Runs an activity's body where Temporal's activity context is, without a server. */
export const inActivity = <T>(body: () => Promise<T>, logger: Logger = new LogLines()): Promise<T> =>
  new MockActivityEnvironment({}, { logger }).run<[], T, () => Promise<T>>(body);
