import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from '../config/cache.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../model/errors.ts';
import { discover, type CookbookEntry } from './discover.ts';
import { loadCookbooks, loadPackage } from './load.ts';

/** One cookbook as lists show it. */
export interface CatalogCookbook {
  name: string;
  title: string;
  team: string;
  /** The directory it is in, with dots; empty for the top. */
  group: string;
}

/** All cookbooks there are. */
export interface Catalog {
  cookbooks: CatalogCookbook[];
  /** Titles of the directories by dotted name. */
  groups: Record<string, string>;
  /** `file:line: message` of each file left out because it cannot be loaded. */
  problems: string[];
}

/** Titles and teams of all cookbooks; loads them only when a file has changed since the last time. */
export const catalog = (config: Pick<Config, 'cookbooks_base_dirs'>): Promise<Catalog> => {
  const entries = discover(config);
  const bases = [...new Set(entries.map(({ base }) => base))];
  return cached(`catalog:${config.cookbooks_base_dirs.join(':')}`, fingerprint(bases, entries), () => load(entries));
};

async function load(entries: readonly CookbookEntry[]): Promise<Catalog> {
  const found: Catalog = { cookbooks: [], groups: {}, problems: [] };
  for (const entry of entries) {
    const group = entry.name.slice(0, Math.max(0, entry.name.lastIndexOf('.')));
    try {
      for (const { name, title, ownerTeam } of (await loadCookbooks(entry)).values())
        found.cookbooks.push({ name, title: title.split('\n')[0] ?? '-', team: ownerTeam, group });
      const parts = group === '' ? [] : group.split('.');
      for (let depth = parts.length; depth > 0; depth--)
        found.groups[parts.slice(0, depth).join('.')] ??=
          (await loadPackage(join(entry.base, ...parts.slice(0, depth)))).title ?? '-';
    } catch (error) {
      found.problems.push(messageOf(error));
    }
  }
  return found;
}

/** Changes with the name, size or time of any cookbook, of what they may share, and of what reads them. */
function fingerprint(bases: readonly string[], entries: readonly CookbookEntry[]): string {
  const shared = [...bases, join(import.meta.dirname, '../model'), import.meta.dirname].flatMap((directory) =>
    readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(?:ts|js|mjs)$/.test(file))
      .map((file) => join(directory, file)),
  );
  const files = [...new Set([...shared, ...entries.map(({ file }) => file)])].sort();
  const hash = createHash('sha256');
  for (const file of files) {
    const { mtimeMs, size } = statSync(file);
    hash.update(`${file} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex');
}
