import { digitsOf, previous } from './digits.ts';
import { joinedLines, linesOf } from './lines.ts';
import { type Ranges, countOf, joined } from './ranges.ts';
import { type Tree, same } from './tree.ts';

/** The numbers of one axis of a box, with what boxes are compared by. */
interface Side {
  readonly ranges: Ranges;
  readonly key: string;
  readonly count: number;
  readonly first: string;
  readonly last: string;
}
type Box = readonly Side[];

/**
 * What a pattern's names fold into, in the order in which ClusterShell folds and lists them: every combination of the numbers of
 * each axis is one folded name. ClusterShell's way is kept step by step, as the result depends on it: single names in the order
 * of their texts; then, over and over, sorted (largest first) and each joined with its neighbours as long as they differ along one
 * axis only; when nothing is left to join so, with any later one.
 */
export function boxesOf(tree: Tree): Ranges[][] {
  const whole = wholeBox(tree);
  if (whole) return [whole];
  let boxes = joinedLines(linesOf(tree)).map((axes): Box => axes.map(sideOf));
  for (let any = false; ;) {
    boxes.sort(compareBoxes);
    const before = boxes.length;
    boxes = any ? joinedWithAny(boxes) : joinedWithNeighbours(boxes);
    if (boxes.length < before) continue;
    if (any) return boxes.map((box) => box.map(({ ranges }) => ranges));
    any = true;
  }
}

/** The axes of a tree that is one box: whatever the value, the same is below it. */
function wholeBox(tree: Tree): Ranges[] | undefined {
  const axes: Ranges[] = [];
  let now = tree;
  while (now !== true) {
    const [below] = now.below;
    if (below === undefined || !now.below.every((other) => other === undefined || same(other, below))) return undefined;
    axes.push(now.at);
    now = below;
  }
  return axes;
}

const sideOf = (ranges: Ranges): Side => ({
  ranges,
  key: ranges.join(),
  count: countOf(ranges),
  first: digitsOf(ranges[0] ?? 0),
  last: digitsOf(previous(ranges.at(-1) ?? 1)),
});

const sizeOf = (box: Box): number => box.reduce((size, { count }) => size * count, 1);
const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Texts, not numbers: ClusterShell puts `h10x1` before `h9x1` here. */
function compareBoxes(a: Box, b: Box): number {
  const order = sizeOf(b) - sizeOf(a);
  if (order !== 0) return order;
  for (const [i, x] of a.entries()) {
    const y = b[i] ?? x;
    const bySide = y.count - x.count || compareTexts(x.first, y.first) || compareTexts(x.last, y.last);
    if (bySide !== 0) return bySide;
  }
  return 0;
}

/** The one axis along which two boxes differ; boxes never overlap, so that they can be joined along it. */
function onlyDifference(a: Box, b: Box): number | undefined {
  let found: number | undefined;
  for (const [axis, { key }] of a.entries()) {
    if (key === b[axis]?.key) continue;
    if (found !== undefined) return undefined;
    found = axis;
  }
  return found;
}

const joinedAlong = (axis: number, box: Box, others: readonly Box[]): Box =>
  box.map((side, i) =>
    i === axis
      ? sideOf(joined([side, ...others.map((other) => other[axis] ?? side)].map(({ ranges }) => ranges)))
      : side,
  );

function joinedWithNeighbours(boxes: readonly Box[]): Box[] {
  const result: Box[] = [];
  let at = 0;
  while (at < boxes.length) {
    let box = boxes[at++] ?? [];
    for (;;) {
      const neighbour = boxes[at];
      const axis = neighbour && onlyDifference(box, neighbour);
      if (axis === undefined) break;
      const begin = at;
      while (at < boxes.length && onlyDifference(box, boxes[at] ?? []) === axis) at++;
      box = joinedAlong(axis, box, boxes.slice(begin, at));
    }
    result.push(box);
  }
  return result;
}

const keyWithout = (box: Box, axis: number): string => box.map(({ key }, i) => (i === axis ? '' : key)).join(';');

/** Boxes that differ along one axis only are found by what they have in common. */
function joinedWithAny(boxes: readonly Box[]): Box[] {
  const axes = (boxes[0] ?? []).map((_, axis) => {
    const alike = new Map<string, number[]>();
    for (const [i, box] of boxes.entries()) {
      const key = keyWithout(box, axis);
      const group = alike.get(key);
      if (group) group.push(i);
      else alike.set(key, [i]);
    }
    return { alike, counts: new Set(boxes.map((box) => box[axis]?.count)) };
  });
  const gone = new Set<number>();
  const groupOf = (box: Box, axis: number) => axes[axis]?.alike.get(keyWithout(box, axis)) ?? [];
  const nextIn = (group: readonly number[], after: number): number => {
    let [low, high] = [0, group.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((group[middle] ?? 0) <= after) low = middle + 1;
      else high = middle;
    }
    while (gone.has(group[low] ?? -1)) low++;
    return group[low] ?? Infinity;
  };
  const result: Box[] = [];
  for (const [i, first] of boxes.entries()) {
    if (gone.has(i)) continue;
    let box = first;
    for (let after = i; ;) {
      const groups = axes.map((_, axis) => groupOf(box, axis));
      const nexts = groups.map((group) => nextIn(group, after));
      const nearest = Math.min(...nexts);
      if (nearest === Infinity) break;
      const axis = nexts.indexOf(nearest);
      // Along this axis all that comes is known before the box grows; another one matters once some box is as long as it has grown.
      const others: Box[] = [];
      let count = box[axis]?.count ?? 0;
      for (let at = nearest; at !== Infinity; at = nextIn(groups[axis] ?? [], at)) {
        const other = boxes[at] ?? [];
        others.push(other);
        gone.add(at);
        after = at;
        count += other[axis]?.count ?? 0;
        if (axes[axis]?.counts.has(count) === true) break;
      }
      box = joinedAlong(axis, box, others);
    }
    result.push(box);
  }
  return result;
}
