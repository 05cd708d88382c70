import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { isUtf8 } from 'node:buffer';
import { OpsError, isOpsError, messageOf } from '../src/model/errors.ts';
import { type FileOptions, checkContent, checkFile, mostInHistory } from '../src/model/file.ts';
import { fold } from '../src/model/host-set.ts';
import { fencesOn } from '../src/remote/fence.ts';
import { digestOf, download, restore, stream, upload } from '../src/remote/files.ts';
import type { RemoteFile, Source } from '../src/remote/host-file.ts';
import { Limit } from '../src/remote/limit.ts';
import { type Call, converge, read } from './define.ts';

interface OfFile {
  hosts: readonly string[];
  path: string;
  installer?: boolean;
  /** By root, where somebody else logs in. */
  sudo?: boolean;
}

/** What a file on hosts is to hold: text, or what a file on the worker holds. */
export type UploadInput = OfFile & FileOptions & ({ content: string } | { file: string });

/** Transfers at a time. */
const width = 16;

const fileOn = ({ path, installer, sudo }: OfFile, host: string, { run, fences, signal }: Call): RemoteFile => ({
  host,
  path,
  run,
  ...(sudo === true && { sudo }),
  access: installer === true ? 'installer' : 'normal',
  fences: fencesOn(fences, host),
  signal,
});

/** Does it on every host before it says where it failed; what may get better is tried again. */
async function onAll<T>(input: OfFile, call: Call, body: (file: RemoteFile) => Promise<T>): Promise<T[]> {
  checkFile(input.path);
  const limit = new Limit(width);
  const ends = await Promise.allSettled(
    input.hosts.map(async (host) => {
      const leave = await limit.take();
      try {
        call.signal.throwIfAborted();
        return await body(fileOn(input, host, call));
      } finally {
        leave();
      }
    }),
  );
  const reasons = ends.flatMap((end): unknown[] => (end.status === 'rejected' ? [end.reason] : []));
  const [first] = reasons.filter((reason) => !isOpsError(reason) || reason.kind !== 'transient').concat(reasons);
  if (first === undefined) return ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  if (reasons.length === 1 || !isOpsError(first)) throw first as Error;
  const others = input.hosts.filter((_, i) => {
    const end = ends[i];
    return end?.status === 'rejected' && end.reason !== first;
  });
  throw new OpsError(
    first.kind,
    first.code,
    `${first.message} (and ${others.length} more: ${fold(others)})`,
    first.facts,
    first,
  );
}

async function uploadAll(input: UploadInput, call: Call): Promise<string[]> {
  checkFile(input.path, input);
  let source: Source;
  if ('file' in input) {
    checkFile(input.file);
    source = { file: input.file };
  } else {
    source = Buffer.from(input.content);
    checkContent(input.path, source.length);
  }
  const sha256 = await digestOf(source);
  const changed = await onAll(input, call, (file) => upload(call.deps.remote, file, source, sha256, input));
  return input.hosts.filter((_, i) => changed[i]);
}

async function downloadText(input: OfFile, call: Call): Promise<string> {
  const [bytes = Buffer.alloc(0)] = await onAll(input, call, (file) => download(call.deps.remote, file, mostInHistory));
  if (isUtf8(bytes)) return bytes.toString();
  const host = input.hosts[0] ?? '';
  throw new OpsError(
    'failed',
    'FILE_NOT_TEXT',
    `${host}: ${input.path} is no text: name a file on the worker to hold it`,
    {
      host,
    },
  );
}

async function fetch({ to, ...input }: OfFile & { to: string }, call: Call): Promise<void> {
  checkFile(to);
  const temp = `${to}.${call.attempt}.part`;
  try {
    await onAll(input, call, (file) =>
      stream(call.deps.remote, file, (source) =>
        pipeline(source, createWriteStream(temp, { mode: 0o600, flush: true })),
      ),
    );
    await rename(temp, to);
  } catch (error) {
    await rm(temp, { force: true });
    const { code, path } = error as { code?: unknown; path?: unknown };
    if (typeof code === 'string' && path !== undefined)
      throw new OpsError('failed', 'FILE_NOT_WRITTEN', `${to} on the worker: ${messageOf(error)}`);
    throw error;
  }
}

/** Files on hosts, by sftp, and by commands where sudo is needed. */
export const files = {
  /**
   * Makes a file on hosts hold this: whole or not at all, and left alone where it does. Returns the hosts where it was changed.
   * Throws FILE_NOT_WRITTEN, FILE_UNREADABLE, SFTP_UNAVAILABLE, CONTENT_TOO_LARGE, FILE_PATH_INVALID, UNREACHABLE, LockLost.
   */
  'files.upload': converge(uploadAll),

  /** Brings a file on hosts back to what it held before this run's first upload, or removes it. Throws FILE_CHANGED, FILE_NOT_KEPT, LockLost. */
  'files.restore': converge(async (input: OfFile, call): Promise<void> => {
    await onAll(input, call, (file) => restore(call.deps.remote, file));
  }),

  /** The text of a file on the only host, 256 KiB at most. Throws FILE_MISSING, FILE_TOO_LARGE, FILE_NOT_TEXT. */
  'files.download': read(downloadText),

  /** Copies a file of the only host to the worker, mode 0600, whatever its size. Throws FILE_MISSING, FILE_NOT_WRITTEN. */
  'files.fetch': converge(fetch),
};
