import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { stringify } from 'yaml';
import { Config } from '../../../src/config/schema.ts';
import type { HostSet } from '../../../src/model/host-set.ts';
import { resolveQuery } from '../../../src/query/query.ts';

const directory = mkdtempSync(join(tmpdir(), 'sumac-query-'));
after(() => rmSync(directory, { recursive: true }));

/** A file of this test's own. */
export function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

/** A configuration with these keys. */
export const config = (keys: object = {}): Config =>
  Config.parse({ cookbooks_base_dirs: ['/'], logs_base_dir: '/', aliases_file: join(directory, 'none.yaml'), ...keys });

export const aliases = (byName: Record<string, string>) => ({ aliases_file: file('aliases.yaml', stringify(byName)) });

/** The hosts of a query; what it warned of goes to `warnings`. */
export const hosts = (query: string, keys: object = {}, warnings: string[] = []): Promise<HostSet> =>
  resolveQuery(query, {
    config: config(keys),
    signal: new AbortController().signal,
    warn: (message) => void warnings.push(message),
  });

/** The same, folded. */
export const folded = async (query: string, keys: object = {}, warnings: string[] = []): Promise<string> =>
  (await hosts(query, keys, warnings)).toString();
