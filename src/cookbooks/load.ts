import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cookbooksOf, type Cookbook, type CookbookModule } from '../model/cookbook.ts';
import { OpsError, messageOf } from '../model/errors.ts';
import { type CookbookEntry, nameError } from './discover.ts';

const sumac = new URL('../sumac.ts', import.meta.url).href;
const noTeam = 'unowned';

/** Lets cookbooks outside of this package import `sumac`, until deregistered: a hook left in place slows every other import. */
export const hookSumac = (): { deregister(): void } =>
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'sumac' ? { url: sumac, shortCircuit: true } : next(specifier, context),
  });

/**
 * The cookbooks of a file by full name, each with its team: its own, else that of the nearest `_package.ts` above it that has one.
 * @throws COOKBOOK_BROKEN (`file:line: message`) when the module cannot be loaded or holds no cookbook
 */
export async function loadCookbooks(entry: CookbookEntry): Promise<Map<string, Cookbook>> {
  const taken = nameError(entry);
  if (taken !== undefined) throw broken(taken);
  const cookbooks = cookbooksOf(entry.name, await importModule(entry.file));
  if (cookbooks.size === 0)
    throw broken(`${entry.file}:1: no cookbook in it: export a function 'run' or a class that extends CookbookBase`);
  for (const cookbook of cookbooks.values())
    if (cookbook.ownerTeam === noTeam) cookbook.ownerTeam = await inheritedTeam(entry);
  return cookbooks;
}

type Module = CookbookModule & Record<string, unknown>;

async function importModule(file: string): Promise<Module> {
  const hook = hookSumac();
  try {
    return (await import(pathToFileURL(file).href)) as Module;
  } catch (error) {
    throw broken(`${placeOf(error, file)}: ${messageOf(error)}`);
  } finally {
    hook.deregister();
  }
}

const broken = (message: string) => new OpsError('usage', 'COOKBOOK_BROKEN', message);

/** `file:line` of an error while loading: the head of a syntax error's stack, else the first place in it that is no library. */
export function placeOf(error: unknown, file: string): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const place =
    /^file:\/\/(\S+:\d+)\n/.exec(stack) ?? /\(?file:\/\/((?!\S*\/node_modules\/)\S+?:\d+)(?::\d+)?\)?$/m.exec(stack);
  return place?.[1] ?? `${file}:1`;
}

/** Title and team of a directory of cookbooks, from its `_package.ts`. */
export interface CookbookPackage {
  title?: string;
  ownerTeam?: string;
}

/** What `_package.ts` of a directory says; nothing when there is none. */
export async function loadPackage(directory: string): Promise<CookbookPackage> {
  try {
    return (await import(pathToFileURL(join(directory, '_package.ts')).href)) as CookbookPackage;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND') return {};
    throw broken(`${placeOf(error, join(directory, '_package.ts'))}: ${messageOf(error)}`);
  }
}

async function inheritedTeam({ name, base }: CookbookEntry): Promise<string> {
  for (let parts = name.split('.').slice(0, -1); parts.length > 0; parts = parts.slice(0, -1)) {
    const { ownerTeam } = await loadPackage(join(base, ...parts));
    if (ownerTeam !== undefined && ownerTeam !== noTeam) return ownerTeam;
  }
  return noTeam;
}
