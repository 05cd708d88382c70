import { join } from 'node:path';
import { multistream, pino, type Level, type Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import { OpsError, messageOf } from '../model/errors.ts';
import { formatLine, type LineContext, type LogLevel, type LogRecord } from './line.ts';
import { RotatingFile, type Rotation } from './rotating-file.ts';

/** What a line of a run says beside its message. */
export interface RunContextOfLine extends LineContext {
  /** Full name of the cookbook whose files take the line: the run's own, or its parent's. Without it: the worker's log. */
  cookbook?: string;
}

/** The log files of a worker: two for each cookbook, and its own. */
export interface RunLogs {
  /** Writes one message; on return the kernel has it. Never throws. */
  line(level: LogLevel, context: RunContextOfLine, message: string): void;
  /** Writes through to the disk. */
  flush(): void;
  close(): void;
}

const pinoLevels: Record<LogLevel, Level> = {
  DEBUG: 'debug',
  INFO: 'info',
  WARNING: 'warn',
  ERROR: 'error',
  CRITICAL: 'fatal',
};

/**
 * Path of a cookbook's log files below the root, without ending: dots are folders, a class of a module with several stays
 * with its module's name (spicerack.md 1.12). Nothing for a name no cookbook can have.
 */
export function logPath(cookbook: string): string | undefined {
  const parts = cookbook.split('.');
  if (!parts.every((part) => /^[\w-]+$/.test(part))) return undefined;
  const last = parts.at(-1) ?? '';
  if (parts.length > 1 && /^[A-Z]/.test(last)) parts.splice(-2, 2, parts.slice(-2).join('.'));
  return parts.join('/');
}

// Asks pino for the record itself.
const metadata: unique symbol = Symbol.for('pino.metadata');

/** A destination that formats a record by itself, instead of pino's JSON. */
class TextFile {
  readonly [metadata] = true;
  readonly file: RotatingFile;
  readonly #extended: boolean;
  lastObj: LogRecord | undefined;

  constructor(path: string, extended: boolean, rotation: Rotation | undefined) {
    this.file = new RotatingFile(path, rotation);
    this.#extended = extended;
  }

  write(): void {
    if (this.lastObj) this.file.write(formatLine(this.lastObj, this.#extended));
  }
}

/**
 * Opens the logs below `logs_base_dir`: `PATH.log` (INFO and above) and `PATH-extended.log` (DEBUG and above) for each
 * cookbook once it has something to say, and `worker.log`.
 * @throws LOGS_UNWRITABLE
 */
export function createRunLogs({ logs_base_dir: root }: Pick<Config, 'logs_base_dir'>, rotation?: Rotation): RunLogs {
  const files: RotatingFile[] = [];
  const loggers = new Map<string, Logger>();
  const open = (path: string, extended: boolean): TextFile => {
    const text = new TextFile(join(root, path), extended, rotation);
    files.push(text.file);
    return text;
  };
  const loggerTo = (...streams: { level: Level; stream: TextFile }[]) =>
    pino({ base: null, timestamp: false, level: 'debug' }, multistream(streams));
  const worker = orUnwritable(root, () => loggerTo({ level: 'info', stream: open('worker.log', true) }));

  const loggerOf = (cookbook: string | undefined): Logger => {
    const path = cookbook === undefined ? undefined : logPath(cookbook);
    if (path === undefined) return worker;
    const known = loggers.get(path);
    if (known) return known;
    const streams = () => [
      { level: 'info' as const, stream: open(`${path}.log`, false) },
      { level: 'debug' as const, stream: open(`${path}-extended.log`, true) },
    ];
    let logger = worker;
    try {
      logger = loggerTo(...streams());
    } catch (error) {
      worker.error({
        level: 'ERROR',
        at: new Date(),
        message: `${root}/${path}.log: ${messageOf(error)}: its lines follow here`,
      } satisfies LogRecord);
    }
    loggers.set(path, logger);
    return logger;
  };

  return {
    line(level, { cookbook, ...context }, message) {
      loggerOf(cookbook)[pinoLevels[level]]({ ...context, level, at: new Date(), message } satisfies LogRecord);
    },
    flush: () => files.forEach((file) => file.flush()),
    close: () => files.splice(0).forEach((file) => file.close()),
  };
}

function orUnwritable<T>(root: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw new OpsError(
      'usage',
      'LOGS_UNWRITABLE',
      `logs_base_dir '${root}' cannot be written: ${messageOf(error)}: make it writable for the worker, or give another`,
    );
  }
}
