import type { SFTPWrapper } from 'ssh2';
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { promisify } from 'node:util';
import { OpsError, isOpsError, messageOf } from '../model/errors.ts';
import type { FileOptions } from '../model/file.ts';
import { Limit } from './limit.ts';
import { entryName, quote } from './journal.ts';
import type { Remote } from './remote.ts';
import type { Access } from './target.ts';

const script = ['./locate.sh', './files.sh']
  .map((name) => readFileSync(new URL(name, import.meta.url), 'utf8').replace(/^\s*#.*\n/gm, ''))
  .join('');

/** A file on a host, and the run on whose behalf it is changed. */
export interface RemoteFile {
  host: string;
  path: string;
  /** Tells what it keeps of the file from what others do. */
  run: string;
  access?: Access | undefined;
  signal: AbortSignal;
}

/** What a file is to hold: bytes, or the file on the worker that holds them. */
export type Source = Buffer | { file: string };

interface Found {
  /** Absent when there is no file. */
  sha256?: string;
  mode: number;
  /** By names and by numbers. */
  owners: [names: string, numbers: string];
  /** Where links lead. */
  path: string;
}

/** Bytes of one request, and how many requests are under way: what sftp-server takes at a time. */
const [piece, ahead] = [32_768, 16];

/** Digest of what a file is to hold. @throws FILE_UNREADABLE */
export async function digestOf(source: Source): Promise<string> {
  const hash = createHash('sha256');
  if (Buffer.isBuffer(source)) return hash.update(source).digest('hex');
  try {
    for await (const chunk of createReadStream(source.file)) hash.update(chunk as Buffer);
  } catch (error) {
    throw new OpsError('failed', 'FILE_UNREADABLE', `${source.file} on the worker: ${messageOf(error)}`);
  }
  return hash.digest('hex');
}

/**
 * Makes a file on a host hold this, whole or not at all: written beside it, flushed, given mode and owner, and renamed. One that
 * holds it already is left alone; what it held before the run's first change is kept for {@link restore}.
 * @returns whether it was changed
 * @throws FILE_NOT_WRITTEN, SFTP_UNAVAILABLE, FILE_UNREADABLE; what a command throws
 */
export async function upload(
  remote: Remote,
  to: RemoteFile,
  source: Source,
  sha256: string,
  options: FileOptions = {},
): Promise<boolean> {
  const found = await look(remote, to);
  if (found.sha256 === sha256 && suits(found, options)) return false;
  const { dir, base } = posix.parse(found.path);
  const entry = entryOf(to);
  const temp = posix.join(dir, `.${base}.${entry}.${randomUUID().slice(0, 8)}`);
  try {
    await remote.sftp(to.host, to, (sftp) => write(sftp, temp, source));
    const { mode, owner = '' } = options;
    await onHost(remote, to, 'commit', temp, sha256, mode === undefined ? '' : mode.toString(8), owner);
    return true;
  } catch (error) {
    await discard(remote, to, temp);
    throw sftpFailure(to, error, 'FILE_NOT_WRITTEN');
  }
}

/**
 * Brings a file back to what it held before {@link upload} changed it for this run, or removes it if there was none.
 * @throws FILE_CHANGED when somebody else has changed it since, FILE_NOT_WRITTEN
 */
export async function restore(remote: Remote, file: RemoteFile): Promise<void> {
  const said = await onHost(remote, file, 'restore');
  if (said.trim() === 'changed')
    throw new OpsError(
      'failed',
      'FILE_CHANGED',
      `${file.host}: ${file.path} is left alone, it was changed since this run wrote it`,
      { host: file.host },
    );
}

/** What a file on a host holds. @throws FILE_MISSING, FILE_TOO_LARGE, FILE_UNREADABLE, SFTP_UNAVAILABLE */
export async function download(remote: Remote, from: RemoteFile, most: number): Promise<Buffer> {
  const { host, path } = from;
  try {
    return await remote.sftp(host, from, async (sftp) => {
      const handle = await promisify(sftp.open.bind(sftp) as Open)(path, 'r');
      const { size } = await promisify(sftp.fstat.bind(sftp))(handle);
      if (size > most)
        throw new OpsError(
          'failed',
          'FILE_TOO_LARGE',
          `${host}: ${path} has ${size} bytes, ${most} are taken: name a file on the worker to hold it`,
          { host },
        );
      return read(sftp, handle, most);
    });
  } catch (error) {
    throw unread(from, error);
  }
}

/** Where it does not succeed, the next attempt, or the undo, removes what is left. */
async function discard(remote: Remote, { host, access }: RemoteFile, temp: string): Promise<void> {
  try {
    const signal = AbortSignal.timeout(5000);
    await remote.sftp(host, { access, signal }, (sftp) => promisify(sftp.unlink.bind(sftp))(temp));
  } catch {
    // The host is away, or nothing was left.
  }
}

type Open = (path: string, flags: string, callback: (error: Error | undefined, handle: Buffer) => void) => void;
type Read = (
  handle: Buffer,
  buffer: Buffer,
  offset: number,
  length: number,
  position: number,
  callback: (error: Error | undefined, bytes: number) => void,
) => void;

async function read(sftp: SFTPWrapper, handle: Buffer, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let at = 0; at <= most;) {
    const chunk = Buffer.alloc(piece);
    const bytes = await promisify(sftp.read.bind(sftp) as Read)(handle, chunk, 0, piece, at);
    if (bytes === 0) break;
    chunks.push(chunk.subarray(0, bytes));
    at += bytes;
  }
  return Buffer.concat(chunks);
}

/** Streams a file of a host into `take`. @throws as {@link download} */
export async function stream(remote: Remote, from: RemoteFile, take: (source: NodeJS.ReadableStream) => Promise<void>) {
  try {
    await remote.sftp(from.host, from, (sftp) => take(sftp.createReadStream(from.path)));
  } catch (error) {
    throw unread(from, error);
  }
}

async function write(sftp: SFTPWrapper, temp: string, source: Source): Promise<void> {
  const handle = await promisify(sftp.open.bind(sftp) as unknown as OpenNew)(temp, 'wx', 0o600);
  const send = promisify(sftp.write.bind(sftp));
  const limit = new Limit(ahead);
  const errors: Error[] = [];
  let at = 0;
  const chunks = Buffer.isBuffer(source) ? [source] : createReadStream(source.file, { highWaterMark: piece * ahead });
  for await (const chunk of chunks as AsyncIterable<Buffer>)
    for (let from = 0; from < chunk.length; from += piece) {
      const leave = await limit.take();
      if (errors[0]) throw errors[0];
      const length = Math.min(piece, chunk.length - from);
      send(handle, chunk, from, length, at)
        .catch((error: unknown) => errors.push(error as Error))
        .finally(leave);
      at += length;
    }
  for (let i = 0; i < ahead; i++) await limit.take();
  if (errors[0]) throw errors[0];
  try {
    await promisify(sftp.ext_openssh_fsync.bind(sftp))(handle);
  } catch (error) {
    // Only OpenSSH's server has it; others leave it to the sync of the rename.
    if (!/does not support|unsupported/i.test(messageOf(error))) throw error;
  }
  await promisify(sftp.close.bind(sftp))(handle);
}
type OpenNew = (
  path: string,
  flags: string,
  mode: number,
  callback: (error: Error | undefined, handle: Buffer) => void,
) => void;

async function look(remote: Remote, file: RemoteFile): Promise<Found> {
  const [first = '', path = ''] = (await onHost(remote, file, 'look')).split('\n');
  const [sha256 = '', mode = '', names = '', numbers = ''] = first.split(' ');
  return { ...(sha256 !== '-' && { sha256 }), mode: Number.parseInt(mode, 8), owners: [names, numbers], path };
}

function suits(found: Found, { mode, owner }: FileOptions): boolean {
  if (mode !== undefined && mode !== found.mode) return false;
  const [user, group] = owner?.split(':') ?? [];
  const [users, groups] = [0, 1].map((i) => found.owners.map((each) => each.split(':')[i]));
  return (
    (user === undefined || users?.includes(user) === true) && (group === undefined || groups?.includes(group) === true)
  );
}

const entryOf = ({ run, host, path }: RemoteFile): string => entryName(`sumac-file ${run}`, `${host}:${path}`, 0);

async function onHost(remote: Remote, file: RemoteFile, what: string, ...rest: string[]): Promise<string> {
  const { host, path, access, signal } = file;
  const words = ['sh', '-c', script, 'sumac', what, path, entryOf(file), ...rest];
  const { exitCode, capture } = await remote.run(host, words.map(quote).join(' '), { access, signal });
  const said = capture.output(8192).text;
  if (exitCode === 0) return said;
  throw new OpsError('failed', 'FILE_NOT_WRITTEN', `${host}: ${path}: ${said.trim() || 'it cannot be written'}`, {
    host,
  });
}

function unread(from: RemoteFile, error: unknown): Error {
  const missing = (error as { code?: unknown }).code === 2;
  return sftpFailure(from, error, missing ? 'FILE_MISSING' : 'FILE_UNREADABLE', missing ? 'does not exist' : undefined);
}

/** What sftp says of a file, in an operator's words; a connection that broke is for the next attempt. */
function sftpFailure({ host, path, signal }: RemoteFile, error: unknown, code: string, why = messageOf(error)): Error {
  if (signal.aborted) return signal.reason as Error;
  const { code: answer, syscall } = error as { code?: unknown; syscall?: unknown };
  if (isOpsError(error) || syscall !== undefined) return error as Error;
  // Numbers are the server's answers; without one there was none.
  if (typeof answer === 'number') return new OpsError('failed', code, `${host}: ${path}: ${why}`, { host }, error);
  return new OpsError(
    'transient',
    'CONNECTION_LOST',
    `${host}: the transfer of ${path} broke off: ${why}`,
    { host },
    error,
  );
}
