import { execFile } from 'node:child_process';
import { OpsError } from '../model/errors.ts';

/** A program of the operator's own. */
export interface Hook {
  /** Its key in the configuration. */
  key: string;
  program: string;
  /** Code of the error when it fails. */
  code: string;
}

const mostMs = 60_000;
/** What programs say of arguments they cannot do anything with (argparse, getopt of GNU's tools). */
const wronglyCalled = 2;

/**
 * Runs a hook for at most a minute and returns what it prints.
 * @throws the hook's code: of kind failed when it cannot be started or exits with 2, else transient; the signal's reason
 */
export const runHook = ({ key, program, code }: Hook, args: readonly string[], signal: AbortSignal): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(program, args, { timeout: mostMs, signal, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (!error) resolve(stdout.trim());
      else if (signal.aborted) reject(signal.reason as Error);
      else {
        const why = (stderr.trim() || error.message).slice(0, 500);
        const kind = typeof error.code === 'string' || error.code === wronglyCalled ? 'failed' : 'transient';
        reject(new OpsError(kind, code, `${key} ${program} ${args[0] ?? ''}: ${why}`));
      }
    });
  });
