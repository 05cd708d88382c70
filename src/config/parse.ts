import { LineCounter, isMap, isNode, isScalar, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import { OpsError } from '../model/errors.ts';
import { nearMatches } from '../model/near.ts';
import { configSchema, type Config } from './schema.ts';

type Path = readonly PropertyKey[];

/**
 * Checks the text of a configuration file.
 * @param absolute what is made of each path in it
 * @throws CONFIG_INVALID: one line `FILE:LINE: KEY: what is wrong` for each mistake
 */
export function parseConfig(text: string, file: string, absolute: (path: string) => string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken) throw invalid([`${file}:${lines.linePos(broken.pos[0]).line}: not YAML: ${broken.message}`]);
  const schema = configSchema(absolute);
  const result = schema.safeParse(document.toJS() ?? {});
  if (result.success) return result.data;
  const mistakes = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ path: [...issue.path, key], text: unknownKey(schema, issue.path, key) }))
      : [{ path: issue.path, text: wrongValue(document, issue) }],
  );
  const firstOfEach = new Map(mistakes.toReversed().map(({ path, text }) => [keyText(path), { path, text }])).values();
  const located = [...firstOfEach].map(({ path, text }) => ({
    line: lines.linePos(offsetOf(document, path)).line,
    text,
  }));
  throw invalid(located.sort((a, b) => a.line - b.line).map(({ line, text }) => `${file}:${line}: ${text}`));
}

const invalid = (lines: string[]) => new OpsError('usage', 'CONFIG_INVALID', lines.join('\n'));
const keyText = (path: Path) =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');

function wrongValue(document: Document, issue: z.core.$ZodIssue): string {
  const key = keyText(issue.path);
  const message = (issue.code === 'invalid_key' && issue.issues[0]?.message) || issue.message;
  const what = message.replace(/^Invalid input: /, '');
  if (key === '') return `${what}: write KEY: VALUE lines`;
  if (what.endsWith('received undefined')) return `${key}: missing (${what.replace(/, received undefined$/, '')})`;
  const value = document.getIn(issue.path);
  return `${key}: ${isNode(value) ? '' : `${JSON.stringify(value)}: `}${what}`;
}

function unknownKey(schema: z.ZodType, path: Path, key: string): string {
  const known = keysAt(z.toJSONSchema(schema, { io: 'input' }), path);
  const [near] = nearMatches(key, known);
  const hint = near === undefined ? `known are ${known.join(', ')}` : `did you mean '${near}'?`;
  return `${keyText([...path, key])}: unknown key, ${hint}`;
}

function keysAt(schema: z.core.JSONSchema.BaseSchema, path: Path): string[] {
  let at: z.core.JSONSchema.BaseSchema = schema;
  for (const part of path) {
    const next = typeof part === 'number' ? at.items : (at.properties?.[String(part)] ?? at.additionalProperties);
    if (typeof next !== 'object' || Array.isArray(next)) return [];
    at = next;
  }
  return Object.keys(at.properties ?? {});
}

/** Where the key, or the nearest part of the path that is there, begins. */
function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true);
    const last = path[length - 1];
    const pair = isMap(parent) && parent.items.find(({ key }) => isScalar(key) && key.value === last);
    if (pair && isScalar(pair.key)) return pair.key.range?.[0] ?? 0;
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node)) return node.range?.[0] ?? 0;
  }
  return 0;
}
