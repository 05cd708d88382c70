import { type Code, codeOf } from './digits.ts';
import { type Ranges, countOf } from './ranges.ts';
import { type Tree, product, treeOf, union } from './tree.ts';

/** Names that have the same texts around their numbers. */
export interface Family {
  readonly texts: readonly string[];
  readonly tree: Tree;
}

/** By ClusterShell's pattern, `host%s.lab`: families are folded and listed in its order. */
export type Families = ReadonlyMap<string, Family>;

export const patternOf = (texts: readonly string[]): string =>
  (texts.some((text) => text.includes('%')) ? texts.map((text) => text.replaceAll('%', '%%')) : texts).join('%s');

export function split(name: string): { texts: string[]; digits: string[] } {
  const parts = name.split(/(\d+)/);
  const [texts, digits]: [string[], string[]] = [[], []];
  for (let i = 0; i < parts.length; i++) (i % 2 === 0 ? texts : digits).push(parts[i] ?? '');
  return { texts, digits };
}

/** Gathers names and products of ranges, in any order and number, into families. */
export class Gathering {
  readonly #families = new Map<string, { texts: readonly string[]; columns: Code[][]; products: Tree[] }>();

  name(name: string): void {
    const { texts, digits } = split(name);
    const { columns } = this.#family(texts);
    for (const [axis, column] of columns.entries()) column.push(codeOf(digits[axis] ?? ''));
  }

  product(texts: readonly string[], axes: readonly Ranges[]): void {
    const { columns, products } = this.#family(texts);
    if (axes.every((ranges) => countOf(ranges) === 1))
      for (const [axis, column] of columns.entries()) column.push(axes[axis]?.[0] ?? 0);
    else products.push(product(axes));
  }

  families(): Families {
    const result = new Map<string, Family>();
    for (const [pattern, { texts, columns, products }] of this.#families) {
      const names = columns[0]?.length === 0 ? [] : [treeOf(columns)];
      const tree = union([...names, ...products]);
      if (tree !== undefined) result.set(pattern, { texts, tree });
    }
    return result;
  }

  #family(texts: readonly string[]) {
    const pattern = patternOf(texts);
    let family = this.#families.get(pattern);
    if (!family) {
      family = { texts, columns: texts.slice(1).map(() => []), products: [] };
      this.#families.set(pattern, family);
    }
    return family;
  }
}
