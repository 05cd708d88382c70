import type { Config } from '../config/schema.ts';
import { OpsError } from '../model/errors.ts';
import { readAliases } from './aliases.ts';
import type { World } from './backend.ts';
import { type Vocabulary, parseGlobal } from './grammar/global.ts';
import { NotParsed, Scanner } from './grammar/scanner.ts';
import type { HostSet } from '../model/host-set.ts';
import { backends } from './registry.ts';

/** How many hosts a query may give. */
export interface Bounds {
  allowEmpty?: boolean | undefined;
  maxHosts?: number | undefined;
}

/**
 * The hosts of a query: of the default backend's grammar, or else of the global one.
 * @param backend stands in for the default backend of the configuration
 * @throws ARGUMENTS_INVALID; QUERY_INVALID pointing at the character, HOSTS_INVALID, ALIASES_INVALID, ALIASES_UNREADABLE, errors of the backends
 */
export async function resolveQuery(query: string, world: World, backend?: string): Promise<HostSet> {
  const { config } = world;
  const vocabulary = { backends: await backends(), aliases: await aliasesFor(query, config) };
  const name = backend ?? config.default_backend;
  return parse(query, vocabulary, { name, asked: backend !== undefined })(world);
}

/** @throws QUERY_EMPTY, TOO_MANY_HOSTS */
export function bounded(query: string, hosts: HostSet, { allowEmpty, maxHosts }: Bounds): HostSet {
  const { size } = hosts;
  if (size === 0 && allowEmpty !== true)
    throw new OpsError('usage', 'QUERY_EMPTY', `No hosts found that matches the query '${query}'`, { query });
  if (maxHosts !== undefined && size > maxHosts)
    throw new OpsError(
      'usage',
      'TOO_MANY_HOSTS',
      `${size} hosts match the query '${query}', at most ${maxHosts} are allowed: narrow it, or allow them with --max-hosts ${size}`,
      { query, hosts: size, maxHosts },
    );
  return hosts;
}

const aliasesFor = (query: string, { aliases_file: file }: Config) =>
  /a:/i.test(query) ? readAliases(file) : { file, byName: new Map<string, string>() };

function parse(
  query: string,
  vocabulary: Vocabulary,
  { name, asked }: { name: string | null; asked: boolean },
): ReturnType<typeof parseGlobal> {
  const preferred = vocabulary.backends.find((backend) => backend.name === name);
  if (name !== null && !preferred) {
    const known = vocabulary.backends.map((backend) => backend.name).join(', ');
    const [code, where] = asked ? ['ARGUMENTS_INVALID', '--backend'] : ['CONFIG_INVALID', 'default_backend'];
    throw new OpsError('usage', code, `${where}: '${name}' is no backend, known are ${known}`);
  }
  const first = preferred && attempt(() => preferred.parse(new Scanner(query)));
  if (first && !(first instanceof NotParsed)) return first;
  const second = attempt(() => parseGlobal(query, vocabulary));
  if (!(second instanceof NotParsed)) return second;
  const why = ({ message, at }: NotParsed) => `${message}, at character ${at + 1}`;
  throw new OpsError(
    'usage',
    'QUERY_INVALID',
    first
      ? `query '${query}' is neither in the grammar of the default backend '${name}' (${why(first)}) nor in the global grammar (${why(second)})`
      : `query '${query}' is not in the global grammar: ${why(second)}`,
    { query, character: Math.max(first?.at ?? 0, second.at) + 1 },
  );
}

function attempt<T>(read: () => T): T | NotParsed {
  try {
    return read();
  } catch (error) {
    if (error instanceof NotParsed) return error;
    throw error;
  }
}
