import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { builtins } from '../model/builtin.ts';

/** A file that holds cookbooks. */
export interface CookbookEntry {
  /** Its path under `cookbooks/` with dots: the name of the cookbook in it, or the beginning of the names of several. */
  name: string;
  file: string;
  /** The `cookbooks` directory it was found in. */
  base: string;
}

/** Why a file cannot have the name it has; nothing when it can. */
export const nameError = ({ name, file }: CookbookEntry): string | undefined =>
  builtins[name] === undefined
    ? undefined
    : `${file}:1: the name '${name}' is that of 'cookbook ${builtins[name]}': call the cookbook otherwise`;

const sourceName = /^([^_.].*)\.(?:ts|js|mjs)$/;

/**
 * The files of all cookbooks, sorted by name: `.ts`, `.js` and `.mjs` under `<entry>/cookbooks/` of each base directory, but for
 * names that begin with `_` or `.`. The first of two with the same name counts.
 */
export function discover({ cookbooks_base_dirs: bases }: Pick<Config, 'cookbooks_base_dirs'>): CookbookEntry[] {
  const found = new Map<string, CookbookEntry>();
  for (const base of bases.map((dir) => join(dir, 'cookbooks')))
    for (const path of walk(base, '')) {
      const name = path.replace(/\.\w+$/, '').replaceAll('/', '.');
      if (!found.has(name)) found.set(name, { name, file: join(base, path), base });
    }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function walk(base: string, directory: string): string[] {
  let entries;
  try {
    entries = readdirSync(join(base, directory), { withFileTypes: true });
  } catch {
    return []; // a checkout without cookbooks, or one that may not be read, has none
  }
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name);
    const isDirectory = entry.isSymbolicLink() ? leadsToDirectory(join(base, path)) : entry.isDirectory();
    if (isDirectory) return /^[_.]|^node_modules$/.test(entry.name) ? [] : walk(base, path);
    return sourceName.test(entry.name) && !entry.name.endsWith('.d.ts') ? [path] : [];
  });
}

function leadsToDirectory(link: string): boolean {
  try {
    return statSync(link).isDirectory();
  } catch {
    return false; // leads nowhere
  }
}

/** The name meant by what an operator typed: `cookbooks/a/b.ts`, `a/b.ts` and Spicerack's `a/b.py` are `a.b`. */
export const normalizeName = (typed: string): string =>
  /\.(?:ts|js|mjs|py)$/.test(typed)
    ? typed
        .replace(/\.\w+$/, '')
        .replace(/^(?:\.\/)?(?:cookbooks\/)?/, '')
        .replaceAll('/', '.')
    : typed;
