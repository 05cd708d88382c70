import type { Scanner } from '../grammar/scanner.ts';
import { quoted } from '../grammar/quoted.ts';

/** Filters of the list of servers; the last of a name counts. */
export type Filters = ReadonlyMap<string, string>;

/**
 * Reads `*`, for everything, or `key:value` pairs between blanks; a value in quotes may hold blanks.
 * @throws NotParsed
 */
export function readFilters(scanner: Scanner): Filters {
  const filters = new Map<string, string>();
  scanner.blanks();
  if (scanner.take(/\*/y) === undefined)
    do {
      const key = scanner.take(/[-.0-9_a-z]{2,}/y);
      if (key === undefined) throw scanner.expected("'*', or a key in lower case");
      if (scanner.take(/:/y) === undefined) throw scanner.expected(`':' after ${key}`);
      const value = scanner.take(quoted)?.slice(1, -1) ?? scanner.take(/[!-'*-z|~]+/y);
      if (value === undefined) throw scanner.expected(`a value of ${key}`);
      filters.set(key, value);
      scanner.blanks();
    } while (scanner.rest() !== '');
  scanner.finish();
  return filters;
}
