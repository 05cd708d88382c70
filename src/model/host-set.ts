import { OpsError } from './errors.ts';

/** More hosts than this in one expression is a typing mistake. */
const most = 100_000;
const maxDigits = 15;

/** One piece of a name: text, or the alternatives of a bracket. */
type Piece = string | string[];

/**
 * The hosts of an expression such as `cloudvirt[1001-1003].lab,foo[01-03,5]`, as ClusterShell reads it: ranges with
 * zero padding, several ranges in a name, comma lists.
 * @returns names in natural order (host9 before host10), each once
 * @throws HOSTS_INVALID pointing at the character
 */
export function expand(expression: string): string[] {
  const names = new Set<string>();
  for (const pieces of parse(expression)) {
    const count = pieces.reduce((product, piece) => product * (typeof piece === 'string' ? 1 : piece.length), 1);
    if (names.size + count > most) throw invalid(expression, 0, `more than ${most} hosts`);
    for (const name of product(pieces)) names.add(name);
  }
  return sorted(names);
}

/** Names in natural order, each once: numbers inside by value, `host9` before `host10`. */
export function sorted(names: Iterable<string>): string[] {
  return [...new Set(names)]
    .map((name) => ({ name, key: tokens(name) }))
    .sort((a, b) => compareTokens(a.key, b.key))
    .map(({ name }) => name);
}

function product(pieces: readonly Piece[]): string[] {
  let names = [''];
  for (const piece of pieces)
    names =
      typeof piece === 'string'
        ? names.map((name) => name + piece)
        : names.flatMap((name) => piece.map((number) => name + number));
  return names;
}

function parse(expression: string): Piece[][] {
  const all: Piece[][] = [];
  let pieces: Piece[] = [];
  let at = 0;
  const endOfName = () => {
    if (pieces.length === 0) throw invalid(expression, at, 'a host name is missing');
    all.push(pieces);
    pieces = [];
  };
  while (at < expression.length) {
    const rest = expression.slice(at);
    const [text = ''] = /^[\w.-]+/.exec(rest) ?? [];
    if (text !== '') {
      pieces.push(text);
      at += text.length;
    } else if (rest.startsWith('[')) {
      const end = expression.indexOf(']', at);
      if (end === -1) throw invalid(expression, at, "'[' without ']'");
      pieces.push(numbers(expression, at + 1, end));
      at = end + 1;
    } else if (rest.startsWith(',')) {
      endOfName();
      at += 1;
    } else throw invalid(expression, at, `'${rest.charAt(0)}' cannot be part of a host name`);
  }
  endOfName();
  return all;
}

/** The numbers of `1-3,07` between two brackets, as they are written in a name. */
function numbers(expression: string, from: number, to: number): string[] {
  const found: string[] = [];
  let at = from;
  for (const range of expression.slice(from, to).split(',')) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
    if (first === undefined || last === undefined)
      throw invalid(expression, at, `'${range}' is not a number or a range such as 1-3`);
    const padded = first.length > 1 && first.startsWith('0');
    if ((padded || (last.length > 1 && last.startsWith('0'))) && first.length !== last.length)
      throw invalid(expression, at, `'${range}' pads its ends with zeros to different lengths`);
    if (last.length > maxDigits) throw invalid(expression, at, `'${range}' has more than ${maxDigits} digits`);
    if (Number(last) < Number(first)) throw invalid(expression, at, `'${range}' goes backwards`);
    if (Number(last) - Number(first) >= most) throw invalid(expression, at, `'${range}' is more than ${most} hosts`);
    for (let n = Number(first); n <= Number(last); n++) found.push(String(n).padStart(padded ? first.length : 0, '0'));
    at += range.length + 1;
  }
  return found;
}

const invalid = (expression: string, at: number, why: string) =>
  new OpsError('usage', 'HOSTS_INVALID', `hosts '${expression}': ${why}, at character ${at + 1}`, {
    expression,
    character: at + 1,
  });

/** A name split at its numbers: texts at even places, digits at odd ones. */
const tokens = (name: string): string[] => name.split(/(\d+)/);

/** By value; of the same value the shorter writing first, as ClusterShell orders `2`, `01`, `003`. */
const compareNumbers = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);

function compareTokens(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i] ?? '', b[i] ?? ''];
    const order = i % 2 === 1 ? compareNumbers(x, y) : x < y ? -1 : x > y ? 1 : 0;
    if (order !== 0) return order;
  }
  return 0;
}

/** A product of number sets around fixed texts. */
interface Box {
  texts: string[];
  axes: string[][];
}

/**
 * The folded form of host names, `cloudvirt[1001-1003].lab`: {@link expand} gives the same names back. Names that
 * differ in several numbers are folded where they make a full product.
 */
export function fold(names: Iterable<string>): string {
  const byPattern = new Map<string, Box[]>();
  for (const name of sorted(names)) {
    const parts = tokens(name);
    const texts = parts.filter((_, i) => i % 2 === 0);
    const key = texts.join('\0');
    const boxes = byPattern.get(key) ?? [];
    boxes.push({ texts, axes: parts.filter((_, i) => i % 2 === 1).map((number) => [number]) });
    byPattern.set(key, boxes);
  }
  return [...byPattern.values()].flatMap((boxes) => merged(boxes).map(written)).join(',');
}

/** Joins boxes that differ along one axis only, until none do; the last number of a name varies first. */
function merged(boxes: Box[]): Box[] {
  let now = boxes;
  for (let axis = (boxes[0]?.axes.length ?? 0) - 1; axis >= 0; axis--) {
    const joined = new Map<string, Box>();
    for (const box of now) {
      const key = box.axes.map((values, i) => (i === axis ? '' : values.join())).join(';');
      const same = joined.get(key);
      if (same) same.axes[axis]?.push(...(box.axes[axis] ?? []));
      else joined.set(key, { texts: box.texts, axes: box.axes.map((values) => [...values]) });
    }
    now = [...joined.values()];
  }
  return now;
}

const written = ({ texts, axes }: Box): string =>
  texts.map((text, i) => text + (i < axes.length ? writtenAxis(axes[i] ?? []) : '')).join('');

function writtenAxis(values: string[]): string {
  const [only] = values;
  if (values.length === 1 && only !== undefined) return only;
  const ranges: [first: string, last: string][] = [];
  for (const value of [...values].sort(compareNumbers)) {
    const range = ranges.at(-1);
    if (range && follows(range, value)) range[1] = value;
    else ranges.push([value, value]);
  }
  return `[${ranges.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join()}]`;
}

/** Whether `first-last` goes on with `value`; a padded range keeps its width. */
function follows([first, last]: [string, string], value: string): boolean {
  if (value.length > maxDigits) return false;
  const padded = first.length > 1 && first.startsWith('0');
  return (
    value === String(Number(last) + 1).padStart(padded ? first.length : 0, '0') &&
    (!padded || value.length === first.length)
  );
}
