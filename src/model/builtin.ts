import { execName } from './exec.ts';

/** Name of the run of `cookbook locks break`. */
export const breakLockName = 'break-lock';

/** Runs that the CLI's own commands start, with the command; no cookbook can have their names. */
export const builtins: Readonly<Record<string, string>> = { [execName]: 'exec', [breakLockName]: 'locks break' };
