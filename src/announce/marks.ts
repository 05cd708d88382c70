import { createHash } from 'node:crypto';
import { access, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Etcd } from '../locks/etcd.ts';
import { createdAt, look, put, remove } from '../locks/requests.ts';

/** Remembers what was announced, so that a second attempt is silent. */
export interface Marks {
  has(token: string): Promise<boolean>;
  /** Takes it upon this attempt to announce; false when an earlier one has. */
  claim(token: string): Promise<boolean>;
  /** Gives back what could not be announced. */
  release(token: string): Promise<void>;
}

/** Longer than any run is repeated from its beginning. */
const keptSeconds = 7 * 86_400;

/** Marks every worker sees. */
export const etcdMarks = (etcd: Etcd): Marks => {
  const keyOf = (token: string) => `/sumac/announced/${encodeURIComponent(token)}`;
  return {
    async has(token) {
      const { found } = await etcd.transact([], [look(keyOf(token))]);
      return (found[0]?.length ?? 0) > 0;
    },
    async claim(token) {
      const lease = await etcd.grant(keptSeconds);
      const { succeeded } = await etcd.transact(
        [createdAt(keyOf(token), '0')],
        [put(keyOf(token), new Date().toISOString(), lease)],
      );
      if (!succeeded) await etcd.revoke(lease);
      return succeeded;
    },
    async release(token) {
      await etcd.transact([], [remove(keyOf(token))]);
    },
  };
};

/** Marks the workers of one machine see, below `DIR/announced`; old ones are cleared away as new ones are made. */
export const fileMarks = (stateDir: string): Marks => {
  const dir = join(stateDir, 'announced');
  const fileOf = (token: string) => join(dir, createHash('sha256').update(token).digest('hex'));
  return {
    has: (token) =>
      access(fileOf(token)).then(
        () => true,
        () => false,
      ),
    async claim(token) {
      await mkdir(dir, { recursive: true, mode: 0o755 });
      if (Math.random() < 0.01) await clearOld(dir);
      try {
        await writeFile(fileOf(token), `${new Date().toISOString()} ${token}\n`, { flag: 'wx' });
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
        throw error;
      }
    },
    release: (token) => rm(fileOf(token), { force: true }),
  };
};

async function clearOld(dir: string): Promise<void> {
  const oldest = Date.now() - keptSeconds * 1000;
  for (const name of await readdir(dir)) {
    const { mtimeMs } = await stat(join(dir, name)).catch(() => ({ mtimeMs: Date.now() }));
    if (mtimeMs < oldest) await rm(join(dir, name), { force: true });
  }
}
