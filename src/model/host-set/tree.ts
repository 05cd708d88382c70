import { type Code, compareCodes, distance, next } from './digits.ts';
import { type Ranges, countOf, ofCodes } from './ranges.ts';

/**
 * Which names of one pattern are in a set: for each number of the pattern in turn, from which value on the rest of the name is in
 * which subtree (none from the last on). Neighbours differ, so that equal sets are equal trees; `true` is the end of a name.
 */
export type Tree = true | Branch;
export interface Branch {
  readonly at: readonly Code[];
  readonly below: readonly (Tree | undefined)[];
}

/** Whether a name that is in the first set, in the second, is in the result. */
export type Keep = (first: boolean, second: boolean) => boolean;

class Builder {
  readonly at: Code[] = [];
  readonly below: (Tree | undefined)[] = [];

  /** What holds from this value on. */
  add(code: Code, tree: Tree | undefined): void {
    if (same(this.below.at(-1), tree)) return;
    this.at.push(code);
    this.below.push(tree);
  }
}

export function same(a: Tree | undefined, b: Tree | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a === true || b === true) return false;
  return (
    a.at.length === b.at.length &&
    a.at.every((code, i) => code === b.at[i]) &&
    a.below.every((tree, i) => same(tree, b.below[i]))
  );
}

/** A set operation: one walk along both trees. */
export function combined(a: Tree | undefined, b: Tree | undefined, keep: Keep): Tree | undefined {
  if (a === undefined || b === undefined || a === true || b === true || a === b)
    return keep(a !== undefined, b !== undefined) ? (a ?? b) : undefined;
  const result = new Builder();
  const known = new Known(keep);
  let [i, j] = [0, 0];
  let inA: Tree | undefined;
  let inB: Tree | undefined;
  for (;;) {
    const [x, y] = [a.at[i], b.at[j]];
    const here = x === undefined || (y !== undefined && y < x) ? y : x;
    if (here === undefined) break;
    if (x === here) inA = a.below[i++];
    if (y === here) inB = b.below[j++];
    result.add(here, known.combined(inA, inB));
  }
  return result.at.length === 0 ? undefined : result;
}

/** Subtrees repeat along an axis: the last pair is remembered. */
class Known {
  readonly #keep: Keep;
  #a: Tree | undefined;
  #b: Tree | undefined;
  #result: Tree | undefined;

  constructor(keep: Keep) {
    this.#keep = keep;
  }

  combined(a: Tree | undefined, b: Tree | undefined): Tree | undefined {
    if (a === undefined || b === undefined || a === true || b === true) return combined(a, b, this.#keep);
    if (a !== this.#a || b !== this.#b) {
      this.#result = combined(a, b, this.#keep);
      [this.#a, this.#b] = [a, b];
    }
    return this.#result;
  }
}

/** Halves at a time: a union of many trees costs no more than sorting them. */
export function union(trees: readonly Tree[]): Tree | undefined {
  if (trees.length <= 2) return combined(trees[0], trees[1], (first, second) => first || second);
  const middle = trees.length >> 1;
  return combined(union(trees.slice(0, middle)), union(trees.slice(middle)), (first, second) => first || second);
}

/** Every combination of the numbers of each axis. */
export const product = (axes: readonly Ranges[]): Tree =>
  axes.reduceRight<Tree>((below, at) => ({ at, below: at.map((_, i) => (i % 2 === 0 ? below : undefined)) }), true);

/** The tree of single names. @param columns for each number of the pattern, its value in each name */
export function treeOf(columns: readonly Code[][]): Tree {
  const single = new Map<string, Tree>();
  const build = (axis: number, rows: readonly number[]): Tree => {
    const column = columns[axis];
    if (column === undefined) return true;
    if (axis === columns.length - 1) return product([ofCodes(rows.map((row) => column[row] ?? 0))]);
    const [only, another] = rows;
    if (only !== undefined && another === undefined) {
      const codes = columns.slice(axis).map((values) => values[only] ?? 0);
      const key = codes.join();
      const known = single.get(key) ?? product(codes.map((code) => [code, next(code)]));
      single.set(key, known);
      return known;
    }
    const byCode = new Map<Code, number[]>();
    for (const row of rows) {
      const code = column[row] ?? 0;
      const group = byCode.get(code);
      if (group) group.push(row);
      else byCode.set(code, [row]);
    }
    const result = new Builder();
    let end: Code | undefined;
    for (const [code, group] of [...byCode].sort(([a], [b]) => compareCodes(a, b))) {
      if (end !== undefined && end !== code) result.add(end, undefined);
      result.add(code, build(axis + 1, group));
      end = next(code);
    }
    if (end !== undefined) result.add(end, undefined);
    return result;
  };
  // Mostly only one number of a pattern varies.
  if (columns.filter((column) => column.some((code) => code !== column[0])).length <= 1)
    return product(columns.map((column) => ofCodes(column)));
  return build(0, Array.from(columns[0]?.keys() ?? []));
}

export function sizeOf(tree: Tree): number {
  if (tree === true) return 1;
  if (tree.below[0] === true) return countOf(tree.at);
  let size = 0;
  for (const [i, below] of tree.below.entries())
    if (below !== undefined) size += distance(tree.at[i] ?? 0, tree.at[i + 1] ?? 0) * sizeOf(below);
  return size;
}

export function contains(tree: Tree | undefined, codes: readonly Code[], axis = 0): boolean {
  if (tree === undefined || tree === true) return tree === true;
  const code = codes[axis] ?? 0;
  let [low, high] = [0, tree.at.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tree.at[middle] ?? 0) <= code) low = middle + 1;
    else high = middle;
  }
  return low > 0 && contains(tree.below[low - 1], codes, axis + 1);
}
