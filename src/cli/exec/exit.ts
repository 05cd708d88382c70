import { exitCodes } from '../../model/exit-codes.ts';

/** Cumin's exit codes (spicerack.md 4.2). */
export const execExit = {
  ok: 0,
  /** Some hosts failed, the threshold is met. */
  failures: 1,
  /** Below the threshold; also wrong usage and configuration. */
  failed: 2,
  interrupted: 98,
  error: 99,
} as const;

/** The one for a run of `exec` that ended with this exit code. */
export function execExitOf(exitCode: number): number {
  if (exitCode <= execExit.failed) return exitCode;
  return exitCode === exitCodes.interrupted ? execExit.interrupted : execExit.error;
}
