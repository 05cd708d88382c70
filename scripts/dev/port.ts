import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename } from 'node:path';

/** Whether nobody listens on the port of 127.0.0.1. */
export const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });

/** `NAME (pid N)` of the process that listens on the port, when the kernel tells us (sockets: proc(5), /proc/net/tcp). */
export function listenerOf(port: number): string | undefined {
  const inodes = new Set(['tcp', 'tcp6'].flatMap((table) => listeningInodes(table, port)));
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    if (linksOf(`/proc/${pid}/fd`).some((link) => inodes.has(link))) return `${programOf(pid)} (pid ${pid})`;
  return undefined;
}

const programOf = (pid: string) => basename(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] ?? '');

function listeningInodes(table: string, port: number): string[] {
  const rows = readFileSync(`/proc/net/${table}`, 'utf8').trim().split('\n').slice(1);
  return rows.flatMap((row) => {
    const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/);
    const listens = state === '0A' && parseInt(local.split(':')[1] ?? '', 16) === port;
    return listens ? [`socket:[${inode}]`] : [];
  });
}

function linksOf(directory: string): string[] {
  try {
    return readdirSync(directory).flatMap((fd) => {
      try {
        return [readlinkSync(`${directory}/${fd}`)];
      } catch {
        return []; // closed meanwhile
      }
    });
  } catch {
    return []; // ended meanwhile, or another user's
  }
}
