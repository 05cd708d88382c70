import type { Cookbook } from '../model/cookbook.ts';
import { OpsError } from '../model/errors.ts';
import { nearMatches } from '../model/near.ts';
import { normalizeName, type CookbookEntry } from './discover.ts';
import { loadCookbooks } from './load.ts';

/** What a name stands for: a cookbook, or a group of them (a directory, or a file with several). */
export type Resolved = { cookbook: Cookbook } | { group: string };

/**
 * Finds what an operator named.
 * @throws COOKBOOK_UNKNOWN with the names most like it, COOKBOOK_BROKEN
 */
export async function resolveCookbook(entries: readonly CookbookEntry[], typed: string): Promise<Resolved> {
  const name = normalizeName(typed);
  const file = entries.find((entry) => entry.name === name);
  if (file) {
    const cookbook = (await loadCookbooks(file)).get(name);
    return cookbook ? { cookbook } : { group: name };
  }
  if (entries.some((entry) => entry.name.startsWith(`${name}.`))) return { group: name };
  const parent = entries.find((entry) => entry.name === name.slice(0, Math.max(0, name.lastIndexOf('.'))));
  const siblings = parent ? await loadCookbooks(parent) : undefined;
  const cookbook = siblings?.get(name);
  if (cookbook) return { cookbook };
  const near = nearMatches(name, [...entries.map((entry) => entry.name), ...(siblings?.keys() ?? [])]);
  const hint = near.length > 0 ? `did you mean ${near.join(' or ')}?` : 'see cookbook --list';
  throw new OpsError('usage', 'COOKBOOK_UNKNOWN', `Unable to find cookbook ${typed}: ${hint}`);
}
