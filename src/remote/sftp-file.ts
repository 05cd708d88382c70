import type { SFTPWrapper } from 'ssh2';
import { createReadStream } from 'node:fs';
import { promisify } from 'node:util';
import { OpsError, isOpsError, messageOf } from '../model/errors.ts';
import { type RemoteFile, type Source, tooLarge } from './host-file.ts';
import { Limit } from './limit.ts';

/** Bytes of one request, and how many requests are under way: what sftp-server takes at a time. */
const [piece, ahead] = [32_768, 16];

type Open = (path: string, flags: string, callback: (error: Error | undefined, handle: Buffer) => void) => void;
type OpenNew = (
  path: string,
  flags: string,
  mode: number,
  callback: (error: Error | undefined, handle: Buffer) => void,
) => void;
type Read = (
  handle: Buffer,
  buffer: Buffer,
  offset: number,
  length: number,
  position: number,
  callback: (error: Error | undefined, bytes: number) => void,
) => void;

/** What a file holds, if it has not more bytes than these. @throws FILE_TOO_LARGE */
export async function readWhole(sftp: SFTPWrapper, file: RemoteFile, most: number): Promise<Buffer> {
  const handle = await promisify(sftp.open.bind(sftp) as Open)(file.path, 'r');
  const { size } = await promisify(sftp.fstat.bind(sftp))(handle);
  if (size > most) throw tooLarge(file, size, most);
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const chunk = Buffer.alloc(piece);
    const bytes = await promisify(sftp.read.bind(sftp) as Read)(handle, chunk, 0, piece, at);
    if (bytes === 0) break;
    chunks.push(chunk.subarray(0, bytes));
    at += bytes;
    if (at > most) throw tooLarge(file, at, most);
  }
  return Buffer.concat(chunks);
}

/** Writes a new file, through to the disk where the server can. */
export async function writeNew(sftp: SFTPWrapper, path: string, source: Source): Promise<void> {
  const handle = await promisify(sftp.open.bind(sftp) as unknown as OpenNew)(path, 'wx', 0o600);
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

/** What sftp says when a file cannot be read. */
export function unread(from: RemoteFile, error: unknown): Error {
  const missing = (error as { code?: unknown }).code === 2;
  return sftpFailure(from, error, missing ? 'FILE_MISSING' : 'FILE_UNREADABLE', missing ? 'does not exist' : undefined);
}

/** What sftp says of a file, in an operator's words; a connection that broke is for the next attempt. */
export function sftpFailure(
  { host, path, signal }: RemoteFile,
  error: unknown,
  code: string,
  why = messageOf(error),
): Error {
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
