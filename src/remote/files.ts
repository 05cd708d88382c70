import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { posix } from 'node:path';
import { PassThrough } from 'node:stream';
import { promisify } from 'node:util';
import { OpsError, messageOf } from '../model/errors.ts';
import type { FileOptions } from '../model/file.ts';
import {
  type RemoteFile,
  type Source,
  byCommand,
  entryOf,
  inputOf,
  readByCommand,
  tell,
  tooLarge,
} from './host-file.ts';
import { today } from './journal.ts';
import type { Remote } from './remote.ts';
import { readWhole, sftpFailure, unread, writeNew } from './sftp-file.ts';

interface Found {
  /** Absent when there is no file. */
  sha256?: string;
  mode: number;
  /** By names and by numbers. */
  owners: [names: string, numbers: string];
  /** Where links lead. */
  path: string;
}

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
  const { mode, owner = '' } = options;
  const how = [sha256, mode === undefined ? '' : mode.toString(8), owner, today()];
  if (byCommand(to)) {
    await tell(remote, to, ['commit', '', ...how], inputOf(source));
    return true;
  }
  const { dir, base } = posix.parse(found.path);
  const temp = posix.join(dir, `.${base}.${entryOf(to)}.${randomUUID().slice(0, 8)}`);
  try {
    await remote.sftp(to.host, to, (sftp) => writeNew(sftp, temp, source));
    await tell(remote, to, ['commit', temp, ...how]);
    return true;
  } catch (error) {
    await discard(remote, to, temp);
    throw sftpFailure(to, error, 'FILE_NOT_WRITTEN');
  }
}

/**
 * Brings a file back to what it held before {@link upload} changed it for this run, or removes it if there was none; does
 * nothing where it was not changed.
 * @throws FILE_CHANGED when somebody else has changed it since, FILE_NOT_KEPT when what it held is gone, FILE_NOT_WRITTEN
 */
export async function restore(remote: Remote, file: RemoteFile): Promise<void> {
  const { host, path } = file;
  const said = (await tell(remote, file, ['restore'])).trim();
  const failed = (code: string, why: string) => new OpsError('failed', code, `${host}: ${path} ${why}`, { host });
  if (said === 'changed') throw failed('FILE_CHANGED', 'is left alone, it was changed since this run wrote it');
  if (said === 'gone')
    throw failed('FILE_NOT_KEPT', 'is as this run wrote it: what it held before was kept for 14 days and is gone');
}

/** What a file on a host holds. @throws FILE_MISSING, FILE_TOO_LARGE, FILE_UNREADABLE, SFTP_UNAVAILABLE */
export async function download(remote: Remote, from: RemoteFile, most: number): Promise<Buffer> {
  if (!byCommand(from))
    try {
      return await remote.sftp(from.host, from, (sftp) => readWhole(sftp, from, most));
    } catch (error) {
      throw unread(from, error);
    }
  const chunks: Buffer[] = [];
  let size = 0;
  await readByCommand(remote, from, most, (chunk) => {
    if ((size += chunk.length) > most) throw tooLarge(from, size, most);
    chunks.push(Buffer.from(chunk));
    return undefined;
  });
  return Buffer.concat(chunks);
}

/** Streams a file of a host into `take`. @throws as {@link download} */
export async function stream(
  remote: Remote,
  from: RemoteFile,
  take: (source: NodeJS.ReadableStream) => Promise<void>,
): Promise<void> {
  if (!byCommand(from))
    try {
      await remote.sftp(from.host, from, (sftp) => take(sftp.createReadStream(from.path)));
      return;
    } catch (error) {
      throw unread(from, error);
    }
  const pass = new PassThrough();
  const write = (chunk: Buffer) => {
    // Where it goes may have failed: nothing will drain then.
    if (pass.destroyed) return Promise.reject(pass.errored ?? new Error('nobody takes it any more'));
    return pass.write(chunk) ? undefined : once(pass, 'drain').then(() => undefined);
  };
  const read = readByCommand(remote, from, undefined, write).then(
    () => void pass.end(),
    (error: unknown) => void pass.destroy(error as Error),
  );
  await Promise.all([take(pass), read]);
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

async function look(remote: Remote, file: RemoteFile): Promise<Found> {
  const [first = '', path = ''] = (await tell(remote, file, ['look'])).split('\n');
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
