import { OpsError } from '../errors.ts';
import { type Code, codeOf, next } from './digits.ts';
import { type Ranges, countOf, joined, numbers, ofCodes, written } from './ranges.ts';

/** More hosts than this in one expression is a typing mistake. */
export const mostHosts = 10_000_000;
/** ClusterShell's limit. */
const mostDigits = 100;
const mostNumbers = 100;

/** Union, difference, intersection, symmetric difference. */
export type Operator = ',' | '!' | '&' | '^';

/** The texts of names, and the numbers between them. */
interface Product {
  readonly texts: readonly string[];
  readonly axes: readonly Ranges[];
}

/** One operand, and what is done with it. */
export interface Operand {
  readonly operator: Operator;
  readonly hosts: Product | string;
}

/** A part of a name, and where it begins. */
interface Part {
  readonly at: number;
  /** Text, or the digits of a number. */
  readonly text: string;
  readonly ranges?: readonly Range[];
}

interface Range {
  readonly at: number;
  readonly first: string;
  readonly last?: string;
}

const isOperator = (character: string | undefined): character is Operator =>
  character !== undefined && [',', '!', '&', '^'].includes(character);
const space = /\s*/y;
/** A part of a name; a whole name without brackets, short enough to need no further look. */
const plain = { part: /[A-Za-z_.-]+|\d+/y, name: /[\w.-]{1,100}(?=[,!&^]|$)/y };
const wildcard = { part: /[A-Za-z_.*?-]+|\d+/y, name: /[\w.*?-]{1,100}(?=[,!&^]|$)/y };

/** Reads one expression. Every error points at the character. */
export class Parser {
  readonly #text: string;
  readonly #pattern: typeof plain;
  #at = 0;

  constructor(text: string, wildcards: boolean) {
    this.#text = text;
    this.#pattern = wildcards ? wildcard : plain;
  }

  *operands(): Generator<Operand> {
    let operator: Operator = ',';
    for (;;) {
      this.#take(space);
      const name = this.#take(this.#pattern.name);
      yield { operator, hosts: name === '' ? this.#product(this.#parts()) : name };
      const end = this.#at;
      this.#take(space);
      const character = this.#text[this.#at];
      if (character === undefined) return;
      if (!isOperator(character)) throw this.#cannotBePart(end);
      operator = character;
      this.#at += 1;
    }
  }

  /** @param at where it is wrong */
  error(why: string, at = 0): OpsError {
    const [from, to] = [Math.max(0, at - 60), at + 60];
    const part = `${from > 0 ? '...' : ''}${this.#text.slice(from, to)}${to < this.#text.length ? '...' : ''}`;
    const shown = this.#text.length > 200 ? part : this.#text;
    return new OpsError('usage', 'HOSTS_INVALID', `hosts '${shown}': ${why}, at character ${at + 1}`, {
      expression: shown,
      character: at + 1,
    });
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found = ''] = pattern.exec(this.#text) ?? [];
    this.#at += found.length;
    return found;
  }

  #cannotBePart(at: number): OpsError {
    const character = String.fromCodePoint(this.#text.codePointAt(at) ?? 0);
    return this.error(`'${character}' cannot be part of a host name`, at);
  }

  #parts(): Part[] {
    const parts: Part[] = [];
    for (;;) {
      const at = this.#at;
      const text = this.#take(this.#pattern.part);
      if (text !== '') parts.push({ at, text });
      else if (this.#text[at] === '[') parts.push({ at, text: '', ranges: this.#ranges() });
      else break;
    }
    if (parts.length > 0) return parts;
    const here = this.#text[this.#at];
    if (here === undefined || isOperator(here)) throw this.error('a host name is missing', this.#at);
    throw this.#cannotBePart(this.#at);
  }

  #ranges(): Range[] {
    const end = this.#text.indexOf(']', this.#at);
    if (end === -1) throw this.error("'[' without ']'", this.#at);
    const ranges: Range[] = [];
    let at = this.#at + 1;
    for (const range of this.#text.slice(at, end).split(',')) {
      const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
      if (first === undefined)
        throw this.error(
          range === '' ? 'a number is missing' : `'${shortened(range)}' is not a number or a range such as 1-3`,
          at,
        );
      ranges.push({ at, first, last: last ?? first });
      at += range.length + 1;
    }
    this.#at = end + 1;
    return ranges;
  }

  /** Digits that touch a bracket belong to its numbers. */
  #product(parts: readonly Part[]): Product {
    const texts: string[] = [];
    const axes: Ranges[] = [];
    let text = '';
    for (let i = 0; i < parts.length;) {
      const before = isNumber(parts[i]) ? parts[i++] : undefined;
      const brackets = parts[i]?.ranges ? parts[i++] : undefined;
      const after = brackets && isNumber(parts[i]) ? parts[i++] : undefined;
      const number = before ?? brackets;
      if (!number) {
        text += parts[i++]?.text ?? '';
        continue;
      }
      const reopened = parts[i];
      if (brackets && reopened?.ranges) throw this.error("'[' follows ']' without text between them", reopened.at);
      axes.push(
        brackets?.ranges
          ? this.#numbers(brackets.ranges, before, after?.text)
          : this.#range({ at: number.at, first: number.text }),
      );
      texts.push(text);
      text = '';
    }
    texts.push(text);
    const at = parts[0]?.at ?? 0;
    if (axes.length > mostNumbers) throw this.error(`a name has more than ${mostNumbers} numbers`, at);
    if (axes.reduce((size, ranges) => size * countOf(ranges), 1) > mostHosts)
      throw this.error(`more than ${mostHosts} hosts`, at);
    return { texts, axes };
  }

  /** As ClusterShell reads them: `h1[8-12]` is `h[18-112]`, `h[1-3]0` is `h[10,20,30]`. */
  #numbers(ranges: readonly Range[], before: Part | undefined, after: string | undefined): Ranges {
    const inside = joined(ranges.map((range) => this.#range(range, after)));
    if (!before) return inside;
    const { at, text } = before;
    return joined(written(inside).map(([first, last]) => this.#range({ at, first: text + first, last: text + last })));
  }

  #range({ at, first, last = first }: Range, after = ''): Ranges {
    const [from, to] = [first + after, last + after];
    const shown = first === last ? from : `${from}-${to}`;
    if (Math.max(from.length, to.length) > mostDigits)
      throw this.error(`a number has more than ${mostDigits} digits`, at);
    if (from === to) return [codeOf(from), next(codeOf(from))];
    const padded = /^0./.test(from);
    if ((padded || /^0+[1-9]/.test(to)) && from.length !== to.length)
      throw this.error(`'${shown}' pads its ends with zeros to different lengths`, at);
    const steps = BigInt(last) - BigInt(first);
    if (steps < 0) throw this.error(`'${shown}' goes backwards`, at);
    if (steps >= mostHosts) throw this.error(`'${shown}' is more than ${mostHosts} hosts`, at);
    const range =
      padded || /^0./.test(first) ? [codeOf(first), next(codeOf(last))] : unpadded(first, String(BigInt(last)));
    return after === '' ? range : ofCodes(Array.from(numbers(range), (digits) => codeOf(digits + after)));
  }
}

const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}...` : text);
const isNumber = (part: Part | undefined): part is Part => part !== undefined && /^\d/.test(part.text);

/** The numbers of one length are an interval. */
function unpadded(first: string, last: string): Ranges {
  const ranges: Code[] = [];
  for (let { length } = first; length <= last.length; length++) {
    const from = length === first.length ? first : `1${'0'.repeat(length - 1)}`;
    const to = length === last.length ? last : '9'.repeat(length);
    ranges.push(codeOf(from), next(codeOf(to)));
  }
  return ranges;
}
