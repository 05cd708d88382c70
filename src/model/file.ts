import { OpsError } from './errors.ts';

/** Bytes of a file that may travel in the history of a run; larger ones, and secrets, go from and to files on the worker. */
export const mostInHistory = 262_144;

/** How a file is to lie on a host. */
export interface FileOptions {
  /** For example `0644`; default as it is there, and of a new file 0644. */
  mode?: number;
  /** `USER` or `USER:GROUP`, names or numbers; default as it is there, and of a new file whoever logs in, or root by sudo. */
  owner?: string;
}

/** @throws FILE_PATH_INVALID, FILE_MODE_INVALID, FILE_OWNER_INVALID */
export function checkFile(path: string, { mode, owner }: FileOptions = {}): void {
  const wrong = (code: string, message: string) => new OpsError('usage', code, message);
  if (!/^\/(?:[^\0\n]*[^\0\n/])$/.test(path))
    throw wrong('FILE_PATH_INVALID', `path '${path}': give the file's absolute path, such as /etc/motd`);
  if (mode !== undefined && !(Number.isInteger(mode) && mode >= 0 && mode <= 0o7777))
    throw wrong('FILE_MODE_INVALID', `mode ${mode} of ${path}: give a number such as 0o644`);
  if (owner !== undefined && !/^[\w.-]+\$?(?::[\w.-]+\$?)?$/.test(owner))
    throw wrong('FILE_OWNER_INVALID', `owner '${owner}' of ${path}: give USER or USER:GROUP`);
}

/** @throws CONTENT_TOO_LARGE */
export function checkContent(path: string, bytes: number): void {
  if (bytes > mostInHistory)
    throw new OpsError(
      'usage',
      'CONTENT_TOO_LARGE',
      `the content of ${path} has ${bytes} bytes, ${mostInHistory} may travel in the history of a run: name a file on the worker instead`,
    );
}
