import fc from 'fast-check';

/** Strings of digits with every kind of padding, also longer than a number is exact. */
const digits = fc.oneof(
  { weight: 4, arbitrary: fc.nat(12).map(String) },
  fc.nat(120).map(String),
  fc.nat(20).map((n) => String(n).padStart(2, '0')),
  fc.nat(120).map((n) => String(n).padStart(3, '0')),
  fc.constantFrom('00', '99', '100', '0099', '999999999999999', '1000000000000000', '0000000000000001'),
  fc.stringMatching(/^[0-9]{14,20}$/),
);

const range = fc.oneof(
  { weight: 6, arbitrary: digits },
  {
    weight: 12,
    arbitrary: fc
      .tuple(fc.nat(110), fc.nat(5), fc.constantFrom(1, 1, 2, 3))
      .map(([first, more, width]) => [first, first + more].map((n) => String(n).padStart(width, '0')).join('-')),
  },
  // Mostly backwards, or padded to different lengths.
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom('0', '00', '1', '05', '9', '99'), fc.nat(120)).map((pair) => pair.join('-')),
  },
);
const brackets = fc.array(range, { minLength: 1, maxLength: 2 }).map((ranges) => `[${ranges.join()}]`);
const text = fc.constantFrom('a', 'b', 'host', 'x', '-', '.lab', '.eqiad.wmnet', 'a-b', '_');
const joined = (parts: fc.Arbitrary<string>[]) => fc.tuple(...parts).map((found) => found.join(''));

/** Names of one or two families with one to three numbers, so that operands meet. */
const related = fc.oneof(
  fc.tuple(fc.nat(4), fc.nat(4)).map(([i, j]) => `a${i}x${j}`),
  fc.tuple(fc.nat(2), fc.nat(12), fc.nat(2)).map(([i, j, k]) => `a${i}x${j}y${k}`),
  joined([fc.constant('a'), fc.oneof(brackets, digits), fc.constant('x'), fc.oneof(brackets, digits)]),
  joined([fc.constant('host'), fc.oneof(brackets, digits), fc.constantFrom('', '.lab')]),
);
/** Anything goes: texts, numbers and brackets in a row. */
const mixed = fc
  .array(fc.oneof(text, text, digits, brackets), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join(''));
const operand = fc.oneof({ weight: 3, arbitrary: related }, mixed);

const listOf = (operands: fc.Arbitrary<string>, operators: string[], maxLength: number) =>
  fc
    .tuple(operands, fc.array(fc.tuple(fc.constantFrom(...operators), operands), { maxLength }))
    .map(([first, rest]) => first + rest.flat().join(''));

/** Whole expressions, nearly all of them valid. */
export const expressions = fc.oneof(
  listOf(operand, [','], 4),
  listOf(related, [','], 24),
  listOf(related, [',', ',', '!', '&', '^'], 12),
  listOf(operand, [',', '!', '&', '^'], 4),
  listOf(operand, [' , ', '! ', ' &', '^\t'], 3),
);

/** Expressions into which a hand has slipped. */
export const damaged = fc
  .tuple(
    expressions,
    fc.nat(),
    fc.nat(1),
    fc.constantFrom('[', ']', ',', '!', '^', '&', '-', '0', '7', '[]', '[,', ',,', 'z', '%', '/'),
  )
  .map(([expression, place, gone, slip]) => {
    const at = place % (expression.length + 1);
    return expression.slice(0, at) + slip + expression.slice(at + gone);
  });

/** Single names. */
export const names = fc.oneof(
  related.filter((name) => !name.includes('[')),
  fc.array(fc.oneof(text, digits), { minLength: 1, maxLength: 6 }).map((parts) => parts.join('')),
);
