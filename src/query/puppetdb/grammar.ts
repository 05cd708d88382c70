import { OpsError } from '../../model/errors.ts';
import { quoted } from '../grammar/quoted.ts';
import type { Scanner } from '../grammar/scanner.ts';
import { HostSet } from '../../model/host-set.ts';
import { type Endpoint, type PdbQuery, endpoints, ofCategory, ofHosts } from './items.ts';
import { readValue } from './values.ts';

/** What PuppetDB is asked, and where. */
export interface Wanted {
  query: PdbQuery;
  /** Absent when only hosts are named. */
  endpoint: Endpoint | undefined;
}

const operator = /(?:and|or)(?![A-Za-z0-9_$])/iy;
const not = /not(?![A-Za-z0-9_$])/iy;
const deepest = 100;

/**
 * Reads a whole query of the PuppetDB backend: hosts and `CATEGORY:KEY [OPERATOR VALUE]` with `and`, `or`, `not` and
 * parentheses. @throws NotParsed, QUERY_INVALID, HOSTS_INVALID
 */
export function readPuppetdb(scanner: Scanner): () => Wanted {
  const wanted = readGroup(scanner, 0);
  scanner.finish();
  return wanted;
}

// What is meant is worked out only after the whole text has been read: mistakes of meaning are no mistakes of grammar.
function readGroup(scanner: Scanner, depth: number): () => Wanted {
  const parts = [readPart(scanner, depth)];
  const operators: { word: string; at: number }[] = [];
  for (;;) {
    scanner.blanks();
    const { at } = scanner;
    const word = scanner.take(operator)?.toLowerCase();
    if (word === undefined) break;
    operators.push({ word, at });
    parts.push(readPart(scanner, depth));
  }
  return () => {
    const [first] = operators;
    const other = operators.find(({ word }) => word !== first?.word);
    if (first && other)
      throw new OpsError(
        'usage',
        'QUERY_INVALID',
        `Got unexpected '${other.word}' boolean operator, current operator was '${first.word}', at character ${other.at + 1} of '${scanner.text}': use parentheses`,
      );
    const all = parts.map((part) => part());
    const used = new Set(all.flatMap(({ endpoint }) => endpoint ?? []));
    if (used.size > 1)
      throw new OpsError(
        'usage',
        'QUERY_INVALID',
        `Mixed endpoints are not supported, use the global grammar to mix them: ${[...used].join(' and ')} in '${scanner.text}'`,
      );
    const [endpoint] = used;
    const queries = all.map(({ query }) => query);
    return { endpoint, query: first ? [first.word, ...queries] : (queries[0] ?? []) };
  };
}

function readPart(scanner: Scanner, depth: number): () => Wanted {
  scanner.blanks();
  const negated = scanner.take(not) !== undefined;
  scanner.blanks();
  const positive = readPositive(scanner, depth);
  if (!negated) return positive;
  return () => {
    const { query, endpoint } = positive();
    return { query: ['not', query], endpoint };
  };
}

function readPositive(scanner: Scanner, depth: number): () => Wanted {
  if (scanner.take(/\(/y) !== undefined) {
    if (depth === deepest) throw scanner.expected(`no more than ${deepest} parentheses inside each other`);
    const group = readGroup(scanner, depth + 1);
    if (scanner.take(/\)/y) === undefined) throw scanner.expected("'and', 'or' or ')'");
    return group;
  }
  const [category] = scanner.take(/[FIRCOP]:/iy)?.toUpperCase() ?? [];
  if (category !== undefined) return readCategory(scanner, category);
  const inQuotes = scanner.take(quoted);
  const isWord = inQuotes === undefined && !isNext(scanner, operator) && !isNext(scanner, not);
  const word = inQuotes?.slice(1, -1) ?? (isWord ? scanner.take(/[A-Za-z0-9\-_.*,!&^[\]]+/y) : undefined);
  if (word === undefined) throw scanner.expected("hosts, 'not', '(', or a category such as R:, C: or F:");
  return () => ({ query: ofHosts(word, HostSet.parse(word, { wildcards: true })), endpoint: undefined });
}

function readCategory(scanner: Scanner, category: string): () => Wanted {
  const key = scanner.take(category === 'I' ? /[A-Za-z0-9\-_.%@:"[\]]+/y : /[A-Za-z0-9\-_.%@:]+/y);
  if (key === undefined) throw scanner.expected(`a key after ${category}:`);
  const { at } = scanner;
  scanner.blanks();
  const compares = scanner.take(/>=|<=|[=<>~]/y);
  if (compares === undefined) {
    scanner.at = at;
    return () => ({ query: ofCategory(category, key, undefined), endpoint: endpoints[category] });
  }
  scanner.blanks();
  const value = readValue(scanner, compares === '~');
  return () => ({ query: ofCategory(category, key, { operator: compares, value }), endpoint: endpoints[category] });
}

function isNext({ text, at }: Scanner, word: RegExp): boolean {
  word.lastIndex = at;
  return word.test(text);
}
