import { createReadStream } from 'node:fs';
import { OpsError } from '../model/errors.ts';
import type { PlainOptions, Result } from './command.ts';
import { type HostFence, fencedOff, numbersOf } from './fence.ts';
import { entryName, quote, script } from './journal.ts';
import type { Remote } from './remote.ts';
import type { Access } from './target.ts';

const filesScript = script('./locate.sh', './fence.sh', './files.sh');

/** A file on a host, and the run on whose behalf it is changed. */
export interface RemoteFile {
  host: string;
  path: string;
  /** Tells what it keeps of the file from what others do. */
  run: string;
  /** By root, where somebody else logs in. */
  sudo?: boolean;
  access?: Access | undefined;
  /** Locks under which it is changed: refused when a later holder has acted under one of them on this host. */
  fences?: readonly HostFence[] | undefined;
  signal: AbortSignal;
}

/** What a file is to hold: bytes, or the file on the worker that holds them. */
export type Source = Buffer | { file: string };

/** Whether it goes by commands, as there is no sudo in sftp. */
export const byCommand = ({ sudo }: RemoteFile): boolean => sudo === true;

/** Name of what is kept of a file, in the journal and beside the file. */
export const entryOf = ({ run, host, path }: RemoteFile): string =>
  entryName(`sumac-file ${run}`, `${host}:${path}`, 0);

/** The bytes, as a command's standard input. */
export const inputOf = (source: Source): PlainOptions['stdin'] =>
  Buffer.isBuffer(source) ? source : () => createReadStream(source.file);

/** Runs a verb of files.sh on the host. @throws what `Remote.run` throws */
function runScript(
  remote: Remote,
  file: RemoteFile,
  [verb, ...rest]: readonly [verb: string, ...rest: string[]],
  options: Pick<PlainOptions, 'stdin' | 'onOutput'> = {},
): Promise<Result> {
  const { host, path, sudo, access, fences = [], signal } = file;
  const words = ['sh', '-c', filesScript, 'sumac', verb, path, entryOf(file), numbersOf(fences), ...rest];
  return remote.run(host, words.map(quote).join(' '), { ...options, sudo, access, signal });
}

/** What a verb of files.sh that has to succeed says. @throws FILE_NOT_WRITTEN, LockLost */
export async function tell(
  remote: Remote,
  file: RemoteFile,
  words: readonly [verb: string, ...rest: string[]],
  stdin?: PlainOptions['stdin'],
): Promise<string> {
  const { host, path, fences } = file;
  const { exitCode, capture } = await runScript(remote, file, words, { stdin });
  const said = capture.output(8192).text;
  const [word, lock = '', seen = '', ...where] = said.trim().split(' ');
  if (word === 'fenced')
    throw fencedOff(host, `${path} was not changed`, { lock, seen, path: where.join(' ') }, fences);
  if (exitCode === 0 && word !== 'unwritable') return said;
  throw new OpsError('failed', 'FILE_NOT_WRITTEN', `${host}: ${path}: ${said.trim() || 'it cannot be written'}`, {
    host,
  });
}

/**
 * Reads a file by a command.
 * @param most bytes that are taken; any number without
 * @throws FILE_MISSING, FILE_TOO_LARGE, FILE_UNREADABLE; what `take` throws
 */
export async function readByCommand(
  remote: Remote,
  file: RemoteFile,
  most: number | undefined,
  take: (chunk: Buffer) => Promise<void> | undefined,
): Promise<void> {
  const { host, path } = file;
  const words = ['read', String(most ?? '')] as const;
  const { exitCode, signal, capture } = await runScript(remote, file, words, { onOutput: take });
  if (exitCode === 0) return;
  const said = capture.output(8192).text.trim();
  const failed = (code: string, why: string) => new OpsError('failed', code, `${host}: ${path} ${why}`, { host });
  if (exitCode === 4) throw failed('FILE_MISSING', 'does not exist');
  if (exitCode === 5 && most !== undefined) throw tooLarge(file, said, most);
  // All that was said may be what the file holds.
  const why = exitCode === 1 ? said : `the reading broke off with ${signal ?? `exit status ${exitCode}`}`;
  throw failed('FILE_UNREADABLE', `cannot be read: ${why}`);
}

/** @param size bytes it has */
export const tooLarge = ({ host, path }: RemoteFile, size: number | string, most: number) =>
  new OpsError(
    'failed',
    'FILE_TOO_LARGE',
    `${host}: ${path} has ${size} bytes, ${most} are taken: name a file on the worker to hold it`,
    { host },
  );
