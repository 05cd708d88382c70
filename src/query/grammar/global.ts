import { OpsError } from '../../model/errors.ts';
import { nearMatches } from '../../model/near.ts';
import type { Aliases } from '../aliases.ts';
import type { Backend, World } from '../backend.ts';
import type { HostSet } from '../../model/host-set.ts';
import { evaluate, readExpression } from './expression.ts';
import { quoted } from './quoted.ts';
import { NotParsed, Scanner } from './scanner.ts';

/** What a query may speak of. */
export interface Vocabulary {
  backends: readonly Backend[];
  aliases: Aliases;
}

type Ask = (world: World) => Promise<HostSet>;

/**
 * Reads a query of the global grammar: `P{...}` and the like, `A:alias`, operators and parentheses.
 * @param within names of the aliases that led here
 * @throws NotParsed, QUERY_INVALID
 */
export function parseGlobal(text: string, vocabulary: Vocabulary, within: readonly string[] = []): Ask {
  const scanner = new Scanner(text);
  const expression = readExpression(scanner, (at) => readItem(at, vocabulary, within));
  scanner.finish();
  return (world) => evaluate(expression, (ask) => ask(world));
}

function readItem(scanner: Scanner, vocabulary: Vocabulary, within: readonly string[]): Ask {
  const { backends } = vocabulary;
  if (scanner.take(/A:/iy) !== undefined) {
    const name = scanner.take(/[A-Za-z0-9\-_.+]+/y);
    if (name === undefined) throw scanner.expected('the name of an alias');
    return expand(name, vocabulary, within);
  }
  const known = backends.map(({ letter }) => `${letter}{...}`).join(', ');
  const [letter] = scanner.take(/[A-Za-z](?=\{)/y)?.toUpperCase() ?? [];
  const backend = backends.find((one) => one.letter === letter);
  if (letter !== undefined && !backend) throw new NotParsed(`${letter}{...} is none of ${known}`, scanner.at - 1);
  if (!backend) throw scanner.expected(`${known}, A:alias or '('`);
  scanner.at += 1;
  const inner = scanner.inner(endOf(scanner, backends));
  scanner.at += 1;
  return backend.parse(inner);
}

/** Where the `}` is that ends the query of a backend; one in quotes does not. */
function endOf({ text, at }: Scanner, backends: readonly Backend[]): number {
  const another = new RegExp(`[${backends.map(({ letter }) => letter).join('')}]\\{`, 'iy');
  for (let i = at; i < text.length; i++) {
    quoted.lastIndex = another.lastIndex = i;
    if (quoted.test(text)) i = quoted.lastIndex;
    if (text[i] === '}') return i;
    if (another.test(text)) throw new NotParsed(`'}' expected before another ${text[i]}{`, i);
  }
  throw new NotParsed("'}' expected, not the end", text.length);
}

function expand(name: string, vocabulary: Vocabulary, within: readonly string[]): Ask {
  const { file, byName, missing } = vocabulary.aliases;
  const text = byName.get(name);
  if (text === undefined) {
    const near = nearMatches(name, byName.keys()).join(' or ');
    const hint = missing !== undefined ? `, ${missing}` : near === '' ? '' : `: did you mean ${near}?`;
    throw invalid(`Unable to find alias replacement for '${name}' in ${file}${hint}`);
  }
  const way = [...within, name];
  if (within.includes(name)) throw invalid(`alias '${name}' in ${file} leads to itself: ${way.join(' -> ')}`);
  try {
    return parseGlobal(text, vocabulary, way);
  } catch (error) {
    if (!(error instanceof NotParsed)) throw error;
    throw invalid(
      `alias '${name}' in ${file} is '${text}', which is not in the global grammar: ${error.message}, at character ${error.at + 1}`,
    );
  }
}

const invalid = (message: string) => new OpsError('usage', 'QUERY_INVALID', message);
