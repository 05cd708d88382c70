import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { OpsError, messageOf } from '../../model/errors.ts';
import type { Backend, World } from '../backend.ts';
import { evaluate } from '../grammar/expression.ts';
import { matching, readWords } from '../grammar/words.ts';
import { HostSet } from '../../model/host-set.ts';
import { knownLines } from '../../remote/known-hosts.ts';

/** Those of the hosts that the known_hosts files name; `*` and `?` stand for parts of names. */
export const backend: Backend = {
  name: 'knownhosts',
  letter: 'K',
  parse(text) {
    const expression = readWords(text, /[A-Za-z0-9\-_.,!&^[\]*?]+/y);
    return async (world) => {
      const known = await namesOf(world);
      return (await evaluate(expression, (word) => matching(word, known))).intersection(HostSet.of(known));
    };
  },
};

async function namesOf({ config, warn }: World): Promise<string[]> {
  const { files } = config.knownhosts;
  if (files.length === 0)
    throw new OpsError(
      'usage',
      'KNOWN_HOSTS_NOT_CONFIGURED',
      "no 'knownhosts.files' in the configuration, needed for K{...}",
    );
  const texts = await Promise.all(files.map((file) => read(file)));
  return [...new Set(texts.flatMap((text, i) => namesIn(text, (line, why) => warn(`${files[i]}:${line}: ${why}`))))];
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new OpsError('usage', 'KNOWN_HOSTS_UNREADABLE', `known_hosts file ${file}: ${messageOf(error)}`);
  }
}

/** The host names in a known_hosts file: none of those that are hashed, revoked, patterns or addresses. */
function namesIn(text: string, passedOver: (line: number, why: string) => void): string[] {
  return knownLines(text).flatMap(({ line, marker, names = '', key }) => {
    if (names.startsWith('|') || marker === '@revoked') return [];
    if (marker !== undefined && marker !== '@cert-authority') {
      passedOver(line, `the marker ${marker} is unknown`);
      return [];
    }
    if (key === undefined) {
      passedOver(line, 'a line has names, a type and a key');
      return [];
    }
    return names
      .split(',')
      .map((name) => name.replace(/^!/, '').replace(/^\[(.*)\](:\d+)?$/, '$1'))
      .filter((name) => name !== '' && !/[*?]/.test(name) && isIP(name) === 0);
  });
}
