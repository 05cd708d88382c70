/**
 * A string of digits, counted in the order in which hosts are listed: by length, then by value. `0` is 0, `9` is 9, `00` is 10,
 * `10` is 20, `000` is 110. So `5` and `05` are two, and a range of one length is an interval. A bigint from 16 digits on.
 */
export type Code = number | bigint;

/** Longer strings of digits do not fit into a number exactly. */
const exact = 15;
/** How many strings of digits are shorter than this many digits. */
const shorter = Array.from({ length: exact + 2 }, (_, length) => (10 ** length - 10) / 9);
const limit = shorter[exact + 1] ?? 0;
const shorterThan = (length: number): bigint => (10n ** BigInt(length) - 10n) / 9n;

export function codeOf(digits: string): Code {
  const { length } = digits;
  if (length <= exact) return (shorter[length] ?? 0) + Number(digits);
  return shorterThan(length) + BigInt(digits);
}

export function digitsOf(code: Code): string {
  const length = lengthOf(code);
  return String(typeof code === 'number' ? code - (shorter[length] ?? 0) : code - shorterThan(length)).padStart(
    length,
    '0',
  );
}

function lengthOf(code: Code): number {
  if (typeof code === 'bigint') return String(9n * code + 10n).length - 1;
  let length = 1;
  while (code >= (shorter[length + 1] ?? 0)) length += 1;
  return length;
}

export const next = (code: Code): Code =>
  typeof code === 'bigint' ? code + 1n : code + 1 === limit ? BigInt(limit) : code + 1;

export function previous(code: Code): Code {
  if (typeof code === 'number') return code - 1;
  return code === BigInt(limit) ? limit - 1 : code - 1n;
}

/** The first code of the next length. */
export function endOfLength(code: Code): Code {
  const length = lengthOf(code) + 1;
  return length <= exact ? (shorter[length] ?? 0) : shorterThan(length);
}

export const distance = (from: Code, to: Code): number =>
  typeof from === 'number' && typeof to === 'number' ? to - from : Number(BigInt(to) - BigInt(from));

export const compareCodes = (a: Code, b: Code): number => (a < b ? -1 : a > b ? 1 : 0);
