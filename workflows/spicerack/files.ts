import { type FileOptions, checkContent, checkFile } from '../../src/model/file.ts';
import { call } from '../engine/call.ts';
import type { HostSlice, RemoteOptions } from './run-slice.ts';

/** What a file on hosts is to hold: a text of 256 KiB at most, which shows in the history; or a file on the worker, by its path. */
export type Content = string | { file: string };

/** Hosts served by one activity. */
const sliceSize = 100;

/** Bound of one attempt at files of any size; a worker that dies is noticed long before. */
const longestTransfer = 6 * 3_600_000;

const accessOf = ({ useSudo, installer }: RemoteOptions): { installer?: true; sudo?: true } => ({
  ...(installer === true && { installer }),
  ...(useSudo === true && { sudo: useSudo }),
});

/** Uploads to all hosts; the names of the hosts where the file was changed. */
export async function uploadTo(
  networks: readonly HostSlice[],
  path: string,
  content: Content,
  options: FileOptions,
  remote: RemoteOptions,
): Promise<string[]> {
  checkFile(path, options);
  const what = typeof content === 'string' ? { content } : content;
  if ('content' in what) checkContent(path, new TextEncoder().encode(what.content).length);
  else checkFile(what.file);
  return onSlices(networks, ({ hosts, site }) =>
    call('files.upload', { hosts, path, ...what, ...options, ...accessOf(remote) }, { site, timeout: longestTransfer }),
  );
}

/** Undoes {@link uploadTo}. */
export async function restoreOn(networks: readonly HostSlice[], path: string, remote: RemoteOptions): Promise<void> {
  await onSlices(networks, async ({ hosts, site }) => {
    await call('files.restore', { hosts, path, ...accessOf(remote) }, { site });
    return [];
  });
}

/** The text of a file of the only host. */
export function downloadFrom({ hosts, site }: HostSlice, path: string, remote: RemoteOptions): Promise<string> {
  return call('files.download', { hosts, path, ...accessOf(remote) }, { site });
}

/** Copies a file of the only host to the worker. */
export function fetchFrom({ hosts, site }: HostSlice, path: string, to: string, remote: RemoteOptions): Promise<void> {
  return call('files.fetch', { hosts, path, to, ...accessOf(remote) }, { site, timeout: longestTransfer });
}

async function onSlices(
  networks: readonly HostSlice[],
  body: (slice: HostSlice) => Promise<string[]>,
): Promise<string[]> {
  const slices = networks.flatMap(({ hosts, site }) =>
    Array.from({ length: Math.ceil(hosts.length / sliceSize) }, (_, i) => ({
      site,
      hosts: hosts.slice(i * sliceSize, (i + 1) * sliceSize),
    })),
  );
  const ends = await Promise.allSettled(slices.map(body));
  // Only once all have ended: what is undone next must not meet transfers still under way.
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return ends.flatMap((end) => (end.status === 'fulfilled' ? end.value : []));
}
