import { type Code, compareCodes, digitsOf, distance, endOfLength, next, previous } from './digits.ts';

/** A set of numbers as they are written in names: where it begins, ends, begins again ... in ascending order. */
export type Ranges = readonly Code[];

export const countOf = (ranges: Ranges): number => {
  let count = 0;
  for (const [from, to] of intervals(ranges)) count += distance(from, to);
  return count;
};

export function* intervals(ranges: Ranges): Generator<[from: Code, to: Code]> {
  for (let i = 0; i + 1 < ranges.length; i += 2) yield [ranges[i] ?? 0, ranges[i + 1] ?? 0];
}

/** Every number of the set, as it is written. */
export function* numbers(ranges: Ranges): Generator<string> {
  for (const [from, to] of pieces(ranges)) {
    const first = digitsOf(from);
    const count = distance(from, to);
    if (first.length > 15) for (let code = from; code < to; code = next(code)) yield digitsOf(code);
    else {
      const start = Number(first);
      for (let i = 0; i < count; i++) yield String(start + i).padStart(first.length, '0');
    }
  }
}

/** Intervals, each within one length. */
export function* pieces(ranges: Ranges): Generator<[from: Code, to: Code]> {
  for (const [from, to] of intervals(ranges)) {
    let begin = from;
    for (let end = endOfLength(begin); end < to; end = endOfLength(begin)) {
      yield [begin, end];
      begin = end;
    }
    yield [begin, to];
  }
}

/** One set of all that these hold. */
export function joined(all: readonly Ranges[]): Ranges {
  const [only] = all;
  if (only !== undefined && all.length === 1) return only;
  const sorted = all.flatMap((ranges) => [...intervals(ranges)]).sort(([a], [b]) => compareCodes(a, b));
  const result: Code[] = [];
  let open: Code | undefined;
  for (const [from, to] of sorted) {
    if (open === undefined || from > open) {
      if (open !== undefined) result.push(open);
      result.push(from);
      open = to;
    } else if (to > open) open = to;
  }
  if (open !== undefined) result.push(open);
  return result;
}

/** The set of single numbers. */
export function ofCodes(codes: Code[]): Ranges {
  const sorted = codes.every((code) => typeof code === 'number')
    ? new Float64Array(codes).sort()
    : codes.sort(compareCodes);
  const result: Code[] = [];
  let end: Code | undefined;
  for (const code of sorted) {
    if (end !== undefined && code < end) continue;
    if (code !== end) {
      if (end !== undefined) result.push(end);
      result.push(code);
    }
    end = next(code);
  }
  if (end !== undefined) result.push(end);
  return result;
}

/**
 * The ranges in which ClusterShell writes a set: `8-12`, `08-12`, `98-101`. Numbers of one length go on in a padded range; a
 * range that began without padding goes on across lengths. Its oddity is kept: a number that stands alone after another one
 * hands down whether it is padded, so that `08,98-100` is written `08,98-99,100`.
 */
export function written(ranges: Ranges): [first: string, last: string][] {
  const result: [first: string, last: string][] = [];
  let padded = false;
  for (const [from, to] of pieces(ranges)) {
    const [first, last] = [digitsOf(from), digitsOf(previous(to))];
    const open = result.at(-1);
    const zero = first.length > 1 && first.startsWith('0');
    const fits = open !== undefined && (padded ? first.length === open[1].length : !zero);
    if (fits && follows(open[1], first)) open[1] = last;
    else {
      const alone = open !== undefined && open[0] === open[1];
      if (!fits || !alone) padded = zero;
      result.push([first, last]);
    }
  }
  return result;
}

/** 9 and 10, 99 and 100: numbers of one length that follow each other are in one interval already. */
const follows = (last: string, first: string): boolean =>
  first.length === last.length + 1 && /^9+$/.test(last) && /^10+$/.test(first);

export const textOf = (ranges: Ranges): string =>
  written(ranges)
    .map(([first, last]) => (first === last ? first : `${first}-${last}`))
    .join();
