import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { access, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Etcd } from '../locks/etcd.ts';
import { look, put, remove } from '../locks/requests.ts';

/** Longer than any run is repeated from its beginning. */
const keptSeconds = 7 * 86_400;

/** What the workers of one machine have announced, below `DIR/announced`; old marks are cleared away as new ones are made. */
export class FileMarks {
  readonly #dir: string;

  constructor(stateDir: string) {
    this.#dir = join(stateDir, 'announced');
  }

  has(token: string): Promise<boolean> {
    return access(this.#fileOf(token)).then(
      () => true,
      () => false,
    );
  }

  /** Takes it upon this attempt to announce, at once, so that nothing comes between it and the announcement; false when an earlier one has. */
  claim(token: string): boolean {
    mkdirSync(this.#dir, { recursive: true, mode: 0o755 });
    if (Math.random() < 0.01) void clearOld(this.#dir);
    try {
      writeFileSync(this.#fileOf(token), `${new Date().toISOString()} ${token}\n`, { flag: 'wx' });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }

  /** Gives back what could not be announced. */
  release(token: string): void {
    rmSync(this.#fileOf(token), { force: true });
  }

  #fileOf(token: string): string {
    return join(this.#dir, createHash('sha256').update(token).digest('hex'));
  }
}

async function clearOld(dir: string): Promise<void> {
  const oldest = Date.now() - keptSeconds * 1000;
  for (const name of await readdir(dir).catch(() => [])) {
    const { mtimeMs } = await stat(join(dir, name)).catch(() => ({ mtimeMs: Date.now() }));
    if (mtimeMs < oldest) await rm(join(dir, name), { force: true });
  }
}

/** What was announced, for the workers of all machines: written once it is said, so a moment late. */
export class EtcdMarks {
  readonly #etcd: Etcd;

  constructor(etcd: Etcd) {
    this.#etcd = etcd;
  }

  async has(token: string): Promise<boolean> {
    const { found } = await this.#etcd.transact([], [look(keyOf(token))]);
    return (found[0]?.length ?? 0) > 0;
  }

  async set(token: string): Promise<void> {
    const lease = await this.#etcd.grant(keptSeconds);
    await this.#etcd.transact([], [put(keyOf(token), new Date().toISOString(), lease)]);
  }

  async release(token: string): Promise<void> {
    await this.#etcd.transact([], [remove(keyOf(token))]);
  }
}

const keyOf = (token: string) => `/sumac/announced/${encodeURIComponent(token)}`;
