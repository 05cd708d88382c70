import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UndoStack, type UndoEntry } from '../../../workflows/engine/undo-stack.ts';

const entry = (step: string, guaranteed = false): UndoEntry => ({ step, guaranteed, undo: async () => undefined });
const steps = (entries: readonly UndoEntry[]) => entries.map(({ step }) => step);

const filled = (...entries: UndoEntry[]) => {
  const stack = new UndoStack();
  for (const one of entries) stack.push(one);
  return stack;
};

test('a rollback goes in reverse order, and what it would undo is told in that order', () => {
  const stack = filled(entry('first'), entry('second', true), entry('third'));
  assert.deepEqual(steps(stack.rollback()), ['third', 'second', 'first']);
  assert.deepEqual(stack.names, ['third', 'second', 'first']);
  assert.deepEqual(steps(stack.guaranteed()), ['second']);
});

test('past a point of no return only later and guaranteed entries are undone', () => {
  const stack = filled(entry('first'), entry('kept', true));
  stack.passPointOfNoReturn('power cycle');
  stack.push(entry('later'));
  assert.equal(stack.pointOfNoReturn, 'power cycle');
  assert.deepEqual(steps(stack.rollback()), ['later', 'kept']);
});

test('taking an entry from before the point of no return moves no other across it', () => {
  const stack = filled(entry('first'), entry('second'));
  stack.passPointOfNoReturn('power cycle');
  stack.push(entry('later'));
  stack.take('first');
  assert.deepEqual(steps(stack.rollback()), ['later']);
});

test('taking gives the newest entry of that name, or nothing', () => {
  const [old, young] = [entry('same'), entry('same')];
  const stack = filled(old, young);
  assert.equal(stack.take('same'), young);
  assert.equal(stack.take('same'), old);
  assert.equal(stack.take('same'), undefined);
});

type Move = { push: string; guaranteed: boolean } | { take: string } | { noReturn: true };
const name = fc.constantFrom('a', 'b', 'c');
const move = fc.oneof<fc.Arbitrary<Move>[]>(
  fc.record({ push: name, guaranteed: fc.boolean() }),
  fc.record({ take: name }),
  fc.record({ noReturn: fc.constant(true as const) }),
);

test('whatever happens, each entry is undone at most once, newest first, and none of before the last point of no return unless guaranteed', () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 30 }), (moves) => {
      const stack = new UndoStack();
      const model: { entry: UndoEntry; lost: boolean }[] = [];
      for (const one of moves) {
        if ('push' in one) {
          const pushed = entry(one.push, one.guaranteed);
          stack.push(pushed);
          model.push({ entry: pushed, lost: false });
        } else if ('take' in one) {
          const at = model.findLastIndex(({ entry: { step } }) => step === one.take);
          const [expected] = at === -1 ? [] : model.splice(at, 1);
          assert.equal(stack.take(one.take), expected?.entry);
        } else {
          stack.passPointOfNoReturn('x');
          for (const known of model) known.lost = true;
        }
        const newestFirst = model.toReversed();
        const undone = newestFirst.filter(({ entry: { guaranteed }, lost }) => guaranteed || !lost);
        assert.deepEqual(
          stack.rollback(),
          undone.map((known) => known.entry),
        );
        assert.deepEqual(
          stack.guaranteed(),
          newestFirst.map((known) => known.entry).filter(({ guaranteed }) => guaranteed),
        );
      }
    }),
  );
});
