import { readFile } from 'node:fs/promises';
import { OpsError, messageOf } from '../model/errors.ts';

/** Queries by the name under which `A:name` brings them. */
export interface Aliases {
  file: string;
  byName: ReadonlyMap<string, string>;
  /** Why there are none, when the file is not there. */
  missing?: string;
}

/**
 * Reads the file of aliases, a YAML map of names to queries. One that does not exist holds none.
 * @throws ALIASES_INVALID, ALIASES_UNREADABLE
 */
export async function readAliases(file: string): Promise<Aliases> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return { file, byName: new Map(), missing: 'which does not exist' };
    throw new OpsError('usage', 'ALIASES_UNREADABLE', `aliases_file ${file}: ${messageOf(error)}`);
  }
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text);
  const invalid = (why: string) => new OpsError('usage', 'ALIASES_INVALID', `aliases_file ${file}: ${why}`);
  const [broken] = document.errors;
  if (broken) throw invalid(`not YAML: ${broken.message.split('\n')[0]}`);
  const content: unknown = document.toJS() ?? {};
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw invalid('write NAME: QUERY lines');
  const byName = new Map<string, string>();
  for (const [name, query] of Object.entries(content)) {
    if (!/^[\w.+-]+$/.test(name))
      throw invalid(`'${name}' cannot be written as A:${name}: use letters, digits, '-', '_', '.' and '+'`);
    if (typeof query !== 'string') throw invalid(`${name}: a query is text`);
    byName.set(name, query);
  }
  return { file, byName };
}
