import { glob } from '../../remote/known-hosts.ts';
import { HostSet } from '../../model/host-set.ts';
import { atOperator, readExpression, type Expression } from './expression.ts';
import type { Scanner } from './scanner.ts';

/**
 * Reads host words joined by operators: the grammar of the direct and the known hosts backends.
 * @param word characters of a word, sticky
 * @throws NotParsed
 */
export function readWords(scanner: Scanner, word: RegExp): Expression<string> {
  const expression = readExpression(scanner, (at) => {
    const found = atOperator(at) ? undefined : at.take(word);
    if (found === undefined) throw at.expected('hosts');
    return found;
  });
  scanner.finish();
  return expression;
}

/**
 * The hosts of a word in which `*` and `?` stand for what is in names of `known`; each operand of `,`, `!`, `&` and `^`
 * is replaced by the names it matches. @throws HOSTS_INVALID
 */
export function matching(word: string, known: readonly string[]): HostSet {
  let hosts: HostSet | undefined;
  for (const [, by, operand = ''] of word.matchAll(/(^|[,!&^])((?:\[[^\]]*\]?|[^,!&^[])*)/g)) {
    const names = [...HostSet.parse(operand, { wildcards: true })].flatMap((name) => {
      if (!/[*?]/.test(name)) return [name];
      const pattern = glob(name);
      return known.filter((one) => pattern.test(one));
    });
    const other = HostSet.of(names);
    if (hosts === undefined) hosts = other;
    else if (by === '!') hosts = hosts.difference(other);
    else if (by === '&') hosts = hosts.intersection(other);
    else if (by === '^') hosts = hosts.symmetricDifference(other);
    else hosts = hosts.union(other);
  }
  return hosts ?? HostSet.of([]);
}
