import { OpsError } from '../../model/errors.ts';
import { quoted } from '../grammar/quoted.ts';
import type { Scanner } from '../grammar/scanner.ts';

export type Value = string | number | boolean;

const bare = /[!-'*-z|~]+/y; // visible ASCII without parentheses and braces

/**
 * Reads the value that a key is compared with.
 * @param regex whether it is a regular expression, in which a backslash stands for itself
 * @throws NotParsed, QUERY_INVALID for a number that cannot be kept exactly
 */
export function readValue(scanner: Scanner, regex: boolean): Value {
  const from = scanner.at;
  const [inQuotes = '', word = ''] = [quoted, bare].map((form) => {
    scanner.at = from;
    return scanner.take(form);
  });
  // The longer one, as Cumin takes it: `"a"b` is a word.
  scanner.at = from + Math.max(inQuotes.length, word.length);
  if (scanner.at === from) throw scanner.expected('a value');
  const isQuoted = inQuotes.length >= word.length;
  const text = isQuoted ? inQuotes.slice(1, -1) : word;
  return (isQuoted ? undefined : literal(text)) ?? (regex ? text : unescaped(text));
}

/** Booleans and numbers are what they look like unless they are quoted. */
function literal(text: string): boolean | number | undefined {
  if (text === 'true' || text === 'false') return text === 'true';
  const number = /^0x[0-9a-f]+$/i.test(text)
    ? Number(text)
    : /^0[0-7]+$/.test(text)
      ? Number.parseInt(text, 8)
      : /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)
        ? Number(text)
        : undefined;
  if (number === undefined) return undefined;
  if (!Number.isFinite(number) || (Number.isInteger(number) && !Number.isSafeInteger(number)))
    throw new OpsError('usage', 'QUERY_INVALID', `the number ${text} is too large to be exact: quote it`);
  return number;
}

/** Outside of regular expressions the escapes of JSON count; a text that is none stands for itself. */
function unescaped(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return text;
  }
}
