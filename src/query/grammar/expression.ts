import type { HostSet } from '../../model/host-set.ts';
import type { Scanner } from './scanner.ts';

const operators = ['and not', 'and', 'xor', 'or'] as const;
type Operator = (typeof operators)[number];

// Cumin's keywords end where a letter, a digit, `_` or `$` does not go on; there is one space in `and not`.
const operator = /(?:and not|and|xor|or)(?![A-Za-z0-9_$])/iy;
const deepest = 100;

/** Items joined by operators, from left to right without precedence. */
export interface Expression<T> {
  first: Term<T>;
  rest: { operator: Operator; term: Term<T> }[];
}
type Term<T> = { item: T } | { group: Expression<T> };

/**
 * Reads `query = item { op item }` with parentheses, as far as it goes.
 * @param item reads one item @throws NotParsed
 */
export function readExpression<T>(scanner: Scanner, item: (scanner: Scanner) => T, depth = 0): Expression<T> {
  const expression: Expression<T> = { first: readTerm(scanner, item, depth), rest: [] };
  for (;;) {
    scanner.blanks();
    const found = scanner.take(operator)?.toLowerCase();
    const known = operators.find((one) => one === found);
    if (known === undefined) return expression;
    expression.rest.push({ operator: known, term: readTerm(scanner, item, depth) });
  }
}

function readTerm<T>(scanner: Scanner, item: (scanner: Scanner) => T, depth: number): Term<T> {
  scanner.blanks();
  if (scanner.take(/\(/y) === undefined) return { item: item(scanner) };
  if (depth === deepest) throw scanner.expected(`no more than ${deepest} parentheses inside each other`);
  const group = readExpression(scanner, item, depth + 1);
  if (scanner.take(/\)/y) === undefined) throw scanner.expected("an operator or ')'");
  return { group };
}

/** Whether an operator begins here: no host is called like one. */
export const atOperator = ({ text, at }: Scanner): boolean => {
  operator.lastIndex = at;
  return operator.test(text);
};

/** The hosts of an expression; its items are asked for at the same time. */
export async function evaluate<T>(
  { first, rest }: Expression<T>,
  resolve: (item: T) => HostSet | Promise<HostSet>,
): Promise<HostSet> {
  const hostsOf = async (term: Term<T>) => ('item' in term ? resolve(term.item) : evaluate(term.group, resolve));
  const [start, others] = await Promise.all([hostsOf(first), Promise.all(rest.map(({ term }) => hostsOf(term)))]);
  return others.reduce((hosts, other, i) => combined(hosts, rest[i]?.operator ?? 'or', other), start);
}

function combined(hosts: HostSet, by: Operator, other: HostSet): HostSet {
  switch (by) {
    case 'or':
      return hosts.union(other);
    case 'and':
      return hosts.intersection(other);
    case 'and not':
      return hosts.difference(other);
    case 'xor':
      return hosts.symmetricDifference(other);
  }
}
