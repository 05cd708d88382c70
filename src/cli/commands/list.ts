import { loadConfig } from '../../config/load.ts';
import { catalog } from '../../cookbooks/catalog.ts';
import type { Globals } from '../globals.ts';
import { treeLines } from '../tree.ts';

/** `cookbook --list [PREFIX]`: the tree of cookbooks; those that cannot be loaded go to stderr by file and line. */
export async function list({ configFile, verbose }: Globals, prefix: string): Promise<number> {
  const { config } = await loadConfig(configFile);
  const found = await catalog(config);
  for (const problem of found.problems) process.stderr.write(`${problem}\n`);
  for (const line of treeLines(found, prefix, verbose)) process.stdout.write(`${line}\n`);
  return 0;
}
