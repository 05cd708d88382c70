import { boxesOf } from './host-set/boxes.ts';
import { codeOf } from './host-set/digits.ts';
import { type Families, Gathering, patternOf, split } from './host-set/gather.ts';
import { type Operator, Parser, mostHosts } from './host-set/parse.ts';
import { type Ranges, countOf, numbers, textOf } from './host-set/ranges.ts';
import { type Keep, combined, contains, sizeOf } from './host-set/tree.ts';

const keep: Record<Operator, Keep> = {
  ',': (first, second) => first || second,
  '!': (first, second) => first && !second,
  '&': (first, second) => first && second,
  '^': (first, second) => first !== second,
};

/** What folds into one name: its texts, and the numbers between them. */
interface Folded {
  readonly texts: readonly string[];
  readonly axes: readonly Ranges[];
}

/**
 * A set of host names that reads, orders and folds them as ClusterShell's NodeSet does. It never changes. What it costs depends on
 * its ranges, not on its hosts: `host[1-5000000]` is one range.
 */
export class HostSet implements Iterable<string> {
  readonly #families: Families;
  #folded: readonly Folded[] | undefined;

  private constructor(families: Families) {
    this.#families = families;
  }

  /**
   * The hosts of an expression such as `cloudvirt[1001-1003].lab,foo[01-03,5]!foo02`. Operators go strictly from left to right: `,`
   * union, `!` difference, `&` intersection, `^` symmetric difference. Digits that touch a bracket belong to its numbers, at both ends of a
   * range: `h1[8-12]` is `h[18-112]`. Of what ClusterShell reads it refuses: an empty expression, steps (`[0-8/2]`), groups and wildcards,
   * negative numbers (`h[-5]`), underscores in numbers, more than 100 digits, a number missing (`h[1,]5`), spaces other than around an operand.
   * @param options.wildcards take `*` and `?` for characters of a name, for who then looks for the hosts that they stand for
   * @throws HOSTS_INVALID pointing at the character; also for more than 10,000,000 hosts
   */
  static parse(expression: string, { wildcards = false }: { wildcards?: boolean } = {}): HostSet {
    const parser = new Parser(expression, wildcards);
    let result = new HostSet(new Map());
    let gathering = new Gathering();
    for (const { operator, hosts } of parser.operands()) {
      if (operator !== ',') {
        result = result.union(new HostSet(gathering.families()));
        gathering = new Gathering();
      }
      if (typeof hosts === 'string') gathering.name(hosts);
      else gathering.product(hosts.texts, hosts.axes);
      if (operator !== ',') {
        result = result.#combined(new HostSet(gathering.families()), operator);
        gathering = new Gathering();
      }
    }
    result = result.union(new HostSet(gathering.families()));
    if (result.size > mostHosts) throw parser.error(`more than ${mostHosts} hosts`);
    return result;
  }

  /** The set of these names, each taken as it is. */
  static of(names: Iterable<string>): HostSet {
    const gathering = new Gathering();
    for (const name of names) gathering.name(name);
    return new HostSet(gathering.families());
  }

  /** How many hosts. */
  get size(): number {
    let size = 0;
    for (const { tree } of this.#families.values()) size += sizeOf(tree);
    return size;
  }

  has(name: string): boolean {
    const { texts, digits } = split(name);
    return contains(this.#families.get(patternOf(texts))?.tree, digits.map(codeOf));
  }

  union(other: HostSet): HostSet {
    return this.#combined(other, ',');
  }

  difference(other: HostSet): HostSet {
    return this.#combined(other, '!');
  }

  intersection(other: HostSet): HostSet {
    return this.#combined(other, '&');
  }

  symmetricDifference(other: HostSet): HostSet {
    return this.#combined(other, '^');
  }

  /**
   * The hosts as ClusterShell lists them: by the texts of their names, then by number (host9 before host10); names that differ in
   * several numbers in the order of the folded form.
   */
  *[Symbol.iterator](): Generator<string, void, undefined> {
    for (const { texts, axes } of this.#parts()) yield* names(texts, axes);
  }

  /** The folded form, `cloudvirt[1001-1003].lab`: parsed, it gives the same set. Empty for no hosts. */
  toString(): string {
    return this.#parts()
      .map(({ texts, axes }) =>
        texts.map((text, i) => (axes[i] === undefined ? text : `${text}${foldedNumbers(axes[i])}`)).join(''),
      )
      .join();
  }

  #parts(): readonly Folded[] {
    this.#folded ??= [...this.#families]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([, { texts, tree }]) => boxesOf(tree).map((axes) => ({ texts, axes })));
    return this.#folded;
  }

  #combined(other: HostSet, operator: Operator): HostSet {
    if (operator === ',' && (this.#families.size === 0 || other.#families.size === 0))
      return this.#families.size === 0 ? other : this;
    const families = new Map(this.#families);
    for (const [pattern, family] of other.#families) if (!families.has(pattern)) families.set(pattern, family);
    for (const [pattern, { texts }] of families) {
      const tree = combined(this.#families.get(pattern)?.tree, other.#families.get(pattern)?.tree, keep[operator]);
      if (tree === undefined) families.delete(pattern);
      else families.set(pattern, { texts, tree });
    }
    return new HostSet(families);
  }
}

const foldedNumbers = (ranges: Ranges): string => (countOf(ranges) === 1 ? textOf(ranges) : `[${textOf(ranges)}]`);

/** Every combination, the last number varying first. */
function* names([text = '', ...texts]: readonly string[], [ranges, ...axes]: readonly Ranges[]): Generator<string> {
  const [end = ''] = texts;
  if (ranges === undefined) yield text;
  else if (axes.length === 0) for (const digits of numbers(ranges)) yield text + digits + end;
  else for (const digits of numbers(ranges)) for (const rest of names(texts, axes)) yield text + digits + rest;
}

/**
 * The hosts of an expression, in ClusterShell's order, each once.
 * @throws HOSTS_INVALID pointing at the character
 */
export const expand = (expression: string): string[] => [...HostSet.parse(expression)];

/** Names in ClusterShell's order, each once. */
export const sorted = (names: Iterable<string>): string[] => [...HostSet.of(names)];

/** The folded form of host names, `cloudvirt[1001-1003].lab`: {@link expand} gives the same names back. */
export const fold = (names: Iterable<string>): string => HostSet.of(names).toString();
