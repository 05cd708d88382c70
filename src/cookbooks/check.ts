import { existsSync, statSync } from 'node:fs';
import { builtinModules, createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { messageOf } from '../model/errors.ts';
import { type CookbookEntry, nameError } from './discover.ts';
import { placeOf, hookSumac } from './load.ts';
import { readSource, type Import, type Source } from './source.ts';

/** A cookbook's file that cannot be served. */
export interface BadEntry {
  entry: CookbookEntry;
  /** `file:line: message`, and by which files it came in. */
  errors: string[];
}

const root = resolve(import.meta.dirname, '../..');
const activities = join(root, 'activities');
const require = createRequire(import.meta.url);
// Names that the workflow bundler provides, or that it and these checks know to be fit for the sandbox.
const provided = ['assert', 'url', 'util'];
const fit = ['sumac', '@temporalio/workflow', '@temporalio/common'];
const unfit = ['@temporalio/activity', '@temporalio/client', '@temporalio/worker', '@temporalio/testing'];

/**
 * Tells the cookbooks that can be bundled and loaded from those that cannot, so that one does not take the others down: each file
 * and all it imports must be TypeScript that Node.js can run and import nothing that the workflow sandbox does not have.
 */
export function checkCookbooks(entries: readonly CookbookEntry[]): { good: CookbookEntry[]; bad: BadEntry[] } {
  const sources = new Map<string, Source>();
  const checked = entries.map((entry) => {
    const taken = nameError(entry);
    const errors = taken === undefined ? graphErrors(entry.file, sources) : [taken];
    return { entry, errors: errors.length > 0 ? errors : loadErrors(entry.file) };
  });
  return {
    good: checked.filter(({ errors }) => errors.length === 0).map(({ entry }) => entry),
    bad: checked.filter(({ errors }) => errors.length > 0),
  };
}

function graphErrors(start: string, sources: Map<string, Source>): string[] {
  const errors: string[] = [];
  const importedBy = new Map<string, string[]>([[start, []]]);
  for (const [file, chain] of importedBy) {
    const because = chain.length === 0 ? '' : ` (imported by ${chain.map(shown).join(', by ')})`;
    const source = sources.get(file) ?? readSource(file);
    sources.set(file, source);
    errors.push(...source.errors.map(({ line, message }) => `${file}:${line}: ${message}${because}`));
    for (const found of source.imports) {
      const target = targetOf(found, file);
      if ('error' in target) errors.push(`${file}:${found.line}: ${target.error}${because}`);
      else if (target.file !== undefined && !importedBy.has(target.file)) importedBy.set(target.file, [file, ...chain]);
    }
  }
  return errors;
}

const shown = (file: string) => (file.startsWith(root) ? relative(root, file) : file);
const inPackage = (file: string) => file.includes('/node_modules/');

/** Where an import leads: to a file to look at, to one known to be fit, or nowhere. */
function targetOf({ name }: Import, from: string): { file?: string } | { error: string } {
  if (/^\.{0,2}\//.test(name)) return localTarget(resolve(dirname(from), name), name, from);
  const bare = name.replace(/^node:/, '');
  const isBuiltin = name.startsWith('node:') || builtinModules.includes(bare);
  if (isBuiltin && !(inPackage(from) && provided.includes(bare)))
    return { error: `imports ${name}: cookbooks reach the world through activities, the sandbox has no Node.js` };
  const isOf = (names: string[]) => names.some((known) => name === known || name.startsWith(`${known}/`));
  if (isOf(unfit)) return { error: `imports ${name}: it does not work in the workflow sandbox` };
  if (isBuiltin || isOf(fit)) return {};
  try {
    return { file: resolvePackage(name, from) };
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    // Has another way in than require, so it is there.
    if (code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return {};
    return { error: `imports ${name}, which is not installed` };
  }
}

function resolvePackage(name: string, from: string): string {
  try {
    return createRequire(from).resolve(name);
  } catch {
    return require.resolve(name);
  }
}

function localTarget(path: string, name: string, from: string): { file?: string } | { error: string } {
  const candidates = inPackage(from)
    ? [path, `${path}.js`, `${path}.cjs`, `${path}.json`, join(path, 'index.js')]
    : [path];
  const file = candidates.find((candidate) => existsSync(candidate) && statSync(candidate).isFile());
  if (file === undefined) return { error: `imports ${name}, which does not exist` };
  if (file.startsWith(`${activities}/`))
    return { error: `imports ${name}: activities are called through spicerack, import them with 'import type' only` };
  return /\.(?:json|node)$/.test(file) ? {} : { file };
}

/** Loads the module as the CLI does: what compiles may still fail to link, or throw. */
function loadErrors(file: string): string[] {
  const hook = hookSumac();
  try {
    const module = require(file) as Record<string, unknown>;
    return Object.values(module).some((value) => typeof value === 'function')
      ? []
      : [`${file}:1: no cookbook in it: export a function 'run' or a class that extends CookbookBase`];
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_REQUIRE_ASYNC_MODULE')
      return [`${file}:1: top-level await does not work in the workflow sandbox`];
    return [`${placeOf(error, file)}: ${messageOf(error)}`];
  } finally {
    hook.deregister();
  }
}
