/** Levels as the log files name them. */
export type LogLevel = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL';

/** What a line says beside its message. */
export interface LineContext {
  /** Operator; `-` when nobody is known. */
  user?: string;
  dryRun?: boolean;
  /** Run id, quoted in every line. */
  run?: string;
  /** Who speaks: an activity, a module. */
  logger?: string;
}

/** A message on its way into a file. */
export interface LogRecord extends LineContext {
  level: LogLevel;
  at: Date;
  message: string;
}

const two = (number: number) => String(number).padStart(2, '0');

/** `2026-11-22 00:54:00,824`, local time. */
export const localTime = (at: Date): string =>
  `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ` +
  `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())},${String(at.getMilliseconds()).padStart(3, '0')}`;

// What a host or a person sent must not draw on a terminal; a forged line is one without the prefix.
const plain = (text: string) =>
  text.replaceAll(/[^\P{Cc}\t]/gu, (char) => `\\x${(char.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`);

/**
 * The text of a record, `TIME [DRY-RUN ]USER PID [LEVEL] RUN: MESSAGE`, each line of a long message with the whole prefix
 * (spicerack.md 1.12).
 * @param extended name the logger beside the level
 */
export function formatLine({ at, user, dryRun, level, logger, run, message }: LogRecord, extended: boolean): string {
  const marks = `${dryRun === true ? 'DRY-RUN ' : ''}${user ?? '-'} ${process.pid}`;
  const brackets = extended && logger !== undefined ? `[${level} ${logger}]` : `[${level}]`;
  const prefix = `${localTime(at)} ${marks} ${brackets} ${run === undefined ? '' : `${run}: `}`;
  const lines = message.trimEnd().split(/\r\n|\n|\r/);
  return lines.map((line) => `${prefix}${plain(line)}\n`).join('');
}
