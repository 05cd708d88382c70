import { codeOf, digitsOf, next } from './digits.ts';
import { type Ranges, countOf, joined, pieces, intervals, numbers } from './ranges.ts';
import type { Tree } from './tree.ts';

/** Names that differ in their last number only. */
interface Line {
  /** The other numbers. */
  readonly before: readonly string[];
  readonly ranges: Ranges;
}

/** The lines of a tree of several axes, in the order of their texts. */
export function linesOf(tree: Tree): Line[] {
  const lines: (Line & { text: string })[] = [];
  const walk = (at: Tree, before: readonly string[]) => {
    if (at === true) return;
    if (at.below[0] === true) lines.push({ before, ranges: at.at, text: before.join(' ') });
    else
      for (const [i, below] of at.below.entries()) {
        if (below === undefined) continue;
        for (const digits of numbers(at.at.slice(i, i + 2))) walk(below, [...before, digits]);
      }
  };
  walk(tree, []);
  return lines.sort((a, b) => (a.text < b.text ? -1 : 1));
}

/**
 * What is left of single names, in the order of their texts, when each has been joined with its neighbours as long as they differ
 * along one axis only: lines, and single names that have the last number in common.
 */
export function joinedLines(lines: readonly Line[]): Ranges[][] {
  const result: Ranges[][] = [];
  let rest: Ranges | undefined;
  for (let at = 0; at < lines.length;) {
    const line = lines[at++];
    if (!line) break;
    const last = rest ?? line.ranges;
    rest = undefined;
    const box = line.before.map((digits) => [single(digits)]);
    let axis: number | undefined;
    for (let other = lines[at]; countOf(last) === 1 && other; other = lines[at]) {
      const first = firstText(other.ranges);
      const along = difference(line.before, other.before);
      if (along === undefined || (axis ?? along) !== along || codeOf(first) !== last[0]) break;
      axis = along;
      box[axis]?.push(single(other.before[axis] ?? ''));
      if (countOf(other.ranges) > 1) {
        rest = without(other.ranges, first);
        break;
      }
      at++;
    }
    result.push([...box.map(joined), last]);
  }
  return result;
}

const single = (digits: string): Ranges => {
  const code = codeOf(digits);
  return [code, next(code)];
};

function difference(a: readonly string[], b: readonly string[]): number | undefined {
  const axis = a.findIndex((digits, i) => digits !== b[i]);
  return a.every((digits, i) => i === axis || digits === b[i]) ? axis : undefined;
}

/** The first in the order of texts: it is the first of its length. */
function firstText(ranges: Ranges): string {
  let found: string | undefined;
  let length = 0;
  for (const [from] of pieces(ranges)) {
    const digits = digitsOf(from);
    if (digits.length === length) continue;
    length = digits.length;
    if (found === undefined || digits < found) found = digits;
  }
  return found ?? '';
}

function without(ranges: Ranges, digits: string): Ranges {
  const code = codeOf(digits);
  const after = next(code);
  return [...intervals(ranges)].flatMap(([from, to]) =>
    code < from || code >= to ? [from, to] : [...(from < code ? [from, code] : []), ...(after < to ? [after, to] : [])],
  );
}
