import { HostSet } from '../../model/host-set.ts';
import type { Backend } from '../backend.ts';
import { evaluate } from '../grammar/expression.ts';
import { readWords } from '../grammar/words.ts';

/** The hosts as they are written; whether they exist is not asked. */
export const backend: Backend = {
  name: 'direct',
  letter: 'D',
  parse(text) {
    const expression = readWords(text, /[A-Za-z0-9\-_.,!&^[\]]+/y);
    return () => evaluate(expression, (word) => HostSet.parse(word));
  },
};
