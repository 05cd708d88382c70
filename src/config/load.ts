import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { OpsError, messageOf } from '../model/errors.ts';
import { cached } from './cache.ts';
import type { Config } from './schema.ts';

/** The configuration and where it was found. */
export interface LoadedConfig {
  file: string;
  config: Config;
}

/** Where the configuration is looked for when nobody names it, first found first taken. */
const standardFiles = () => [resolve(homedir(), '.config/sumac/config.yaml'), '/etc/sumac/config.yaml'];

/**
 * Reads and checks the configuration: the file named, else that of `COOKBOOK_CONFIG`, else `~/.config/sumac/config.yaml`, else
 * `/etc/sumac/config.yaml`. Paths in it become absolute: `~` is the home directory, others are relative to the file.
 * @throws CONFIG_MISSING, CONFIG_UNREADABLE, CONFIG_INVALID (each line names file, line and key)
 */
export async function loadConfig(named?: string): Promise<LoadedConfig> {
  const file = resolve(named ?? findConfig());
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const from = named === undefined && process.env['COOKBOOK_CONFIG'] ? ' (named by COOKBOOK_CONFIG)' : '';
    throw new OpsError(
      'usage',
      'CONFIG_UNREADABLE',
      `configuration ${file}${from} cannot be read: ${messageOf(error)}`,
    );
  }
  // The check costs more than all else of a start: what was found valid is not checked again.
  const schema = readFileSync(new URL('schema.ts', import.meta.url));
  const version = createHash('sha256').update(schema).update(homedir()).update('\0').update(text).digest('hex');
  const config = await cached<Config>(`config:${file}`, version, async () => {
    const { parseConfig } = await import('./parse.ts');
    return parseConfig(text, file, absolutePath(dirname(file)));
  });
  return { file, config };
}

function findConfig(): string {
  const named = process.env['COOKBOOK_CONFIG'];
  if (named) return named;
  const found = standardFiles().find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new OpsError(
    'usage',
    'CONFIG_MISSING',
    `no configuration: name it with -c or COOKBOOK_CONFIG, or write ${standardFiles().join(' or ')}`,
  );
}

const absolutePath = (directory: string) => (path: string) =>
  path === '~' || path.startsWith('~/') ? homedir() + path.slice(1) : resolve(directory, path);
