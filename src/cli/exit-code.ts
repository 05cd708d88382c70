import { isOpsError, messageOf } from '../model/errors.ts';
import { exitCodes } from '../model/exit-codes.ts';

const ofCode: Record<string, number> = {
  COOKBOOK_UNKNOWN: exitCodes.notFound,
  COOKBOOK_BROKEN: exitCodes.notFound,
  PARSER_FAILED: exitCodes.argumentParserFailed,
  ARGUMENTS_FAILED: exitCodes.argumentsFailed,
  ARGUMENTS_INVALID: exitCodes.usage,
  TASK_INVALID: exitCodes.usage,
  REASON_INVALID: exitCodes.usage,
  MAX_HOSTS_INVALID: exitCodes.usage,
  QUERY_INVALID: exitCodes.usage,
  HOSTS_INVALID: exitCodes.usage,
  TOO_MANY_HOSTS: exitCodes.usage,
  RUN_UNKNOWN: exitCodes.usage,
  RUN_CLOSED: exitCodes.usage,
  ANSWER_REFUSED: exitCodes.usage,
  FLEET_REFUSED: exitCodes.usage,
  BREAK_REFUSED: exitCodes.usage,
};

/** Says what went wrong, in one line for what an operator can mend, and returns the exit code for it (spicerack.md 1.7). */
export function reportError(error: unknown, verbose: boolean): number {
  const known = isOpsError(error);
  const whole = error instanceof Error && (!known || verbose) ? error.stack : undefined;
  process.stderr.write(`${whole ?? messageOf(error)}\n`);
  return known ? (ofCode[error.code] ?? exitCodes.configuration) : exitCodes.configuration;
}
