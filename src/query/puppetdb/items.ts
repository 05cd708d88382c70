import { OpsError } from '../../model/errors.ts';
import type { HostSet } from '../../model/host-set.ts';
import type { Value } from './values.ts';

/** A query of PuppetDB's own language, as it is sent. */
export type PdbQuery = readonly (string | number | boolean | PdbQuery)[];
export type Endpoint = 'nodes' | 'inventory' | 'resources';

/** A comparison with a value. */
export interface Comparison {
  operator: string;
  value: Value;
}

const invalid = (message: string) => new OpsError('usage', 'QUERY_INVALID', message);

/** Letters before the colon of `CATEGORY:KEY`, and where they ask. */
export const endpoints: Record<string, Endpoint> = {
  F: 'nodes',
  I: 'inventory',
  R: 'resources',
  C: 'resources',
  O: 'resources',
  P: 'resources',
};
const prefixes: Record<string, string> = { C: '', O: 'Role::', P: 'Profile::' };

/** The hosts by name; `*` stands for any text. @throws QUERY_INVALID when there are none */
export function ofHosts(word: string, hosts: HostSet): PdbQuery {
  const names = [...hosts];
  if (names.length === 0) throw invalid(`hosts '${word}' are none: PuppetDB cannot be asked for them`);
  return [
    'or',
    ...names.map((name) =>
      name.includes('*')
        ? ['~', 'certname', `^${name.replace(/[.\\^$+?{}()|[\]]/g, '\\$&').replaceAll('*', '.*')}$`]
        : ['=', 'certname', name],
    ),
  ];
}

/** `CATEGORY:KEY [OPERATOR VALUE]`. @throws QUERY_INVALID */
export function ofCategory(category: string, key: string, comparison: Comparison | undefined): PdbQuery {
  if (category === 'F' || category === 'I') {
    const { operator, value } = needed(category, key, comparison);
    return [operator, category === 'F' ? ['fact', key] : key, value];
  }
  if (/%.*@|@.*%/.test(key))
    throw invalid(
      `Resource key cannot contain both '%' (query a resource's parameter) and '@' (query a resource's field): ${category}:${key}`,
    );
  const [, name = '', mark, detail = ''] = /^([^%@]*)(?:([%@])(.*))?$/.exec(key) ?? [];
  const prefix = prefixes[category];
  const type = prefix === undefined ? capitalized(name) : 'Class';
  const ofType: PdbQuery = ['=', 'type', type];
  const title: PdbQuery = ['=', 'title', `${prefix ?? ''}${capitalized(name)}`];
  if (name === '' || (mark !== undefined && detail === ''))
    throw invalid(`${category}:${key} names no ${name === '' ? 'type' : mark === '%' ? 'parameter' : 'field'}`);
  if (mark !== undefined) {
    const { operator, value } = needed(category, key, comparison);
    const compared: PdbQuery = ['and', ofType, [operator, mark === '%' ? ['parameter', detail] : detail, value]];
    return prefix === undefined ? compared : ['and', ['and', ofType, title], compared];
  }
  if (prefix !== undefined) {
    if (comparison)
      throw invalid(
        `Invalid query of the form '${category}:key = value'. The matching of a value is accepted only when using %param or @field.`,
      );
    return ['and', ofType, title];
  }
  if (!comparison) return ['and', ofType];
  const { operator, value } = comparison;
  const isClass = type === 'Class' && operator !== '~' && typeof value === 'string';
  return ['and', ofType, [operator, 'title', isClass ? capitalized(value) : value]];
}

function needed(category: string, key: string, comparison: Comparison | undefined): Comparison {
  if (comparison) return comparison;
  throw invalid(`${category}:${key} needs an operator and a value, such as ${category}:${key} = 1`);
}

/** As Puppet writes types and classes: `foo::bar` is `Foo::Bar`. */
const capitalized = (name: string): string =>
  name
    .split('::')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1).toLowerCase())
    .join('::');
