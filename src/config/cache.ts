import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';

interface Entry<T> {
  version: string;
  value: T;
}

/** The user's own directory for what can be made again. */
export const cacheDir = () => `${process.env['XDG_CACHE_HOME'] ?? `${homedir()}/.cache`}/sumac`;

/**
 * What `make` returned last time for this key and version; a cache that cannot be read or written is as if empty.
 * @param value must be JSON
 */
export async function cached<T>(key: string, version: string, make: () => T | Promise<T>): Promise<T> {
  const file = `${cacheDir()}/${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`;
  try {
    const entry = JSON.parse(readFileSync(file, 'utf8')) as Entry<T>;
    if (entry.version === version) return entry.value;
  } catch {
    // not there yet
  }
  const value = await make();
  try {
    mkdirSync(cacheDir(), { recursive: true, mode: 0o700 });
    const own = `${file}.${process.pid}.tmp`;
    writeFileSync(own, JSON.stringify({ version, value } satisfies Entry<T>), { mode: 0o600 });
    renameSync(own, file);
  } catch {
    // a home that cannot be written to costs time, nothing else
  }
  return value;
}
