import { bundleWorkflowCode, DefaultLogger, type LogEntry } from '@temporalio/worker';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/schema.ts';
import { checkCookbooks } from '../cookbooks/check.ts';
import { discover, type CookbookEntry } from '../cookbooks/discover.ts';
import { builtins } from '../model/builtin.ts';
import type { EffectTable } from '../model/effect.ts';
import { OpsError } from '../model/errors.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const kept = 5;

/** A workflow bundle ready for a worker. */
export interface Bundle {
  codePath: string;
  /** Hash of everything that went into it. */
  hash: string;
  cookbooks: string[];
  /** `file:line: message` of each cookbook left out because it does not compile. */
  problems: string[];
}

/** The workflow bundle of all cookbooks; built when its content has changed, else taken from `state_dir`. */
export async function workflowBundle(config: Config, effects: EffectTable): Promise<Bundle> {
  const entries = discover(config);
  const hash = hashOf(entries, effects);
  const bundles = join(config.state_dir, 'bundles');
  mkdirSync(bundles, { recursive: true });
  // webpack follows symbolic links, and would then not find the entry it was given.
  const dir = join(realpathSync(bundles), hash);
  const made = join(dir, 'made.json');
  if (!existsSync(made)) await build(dir, entries, effects);
  utimesSync(dir, new Date(), new Date());
  forgetOld(dirname(dir));
  return {
    ...(JSON.parse(readFileSync(made, 'utf8')) as Pick<Bundle, 'cookbooks' | 'problems'>),
    codePath: join(dir, 'bundle.js'),
    hash,
  };
}

async function build(dir: string, entries: CookbookEntry[], effects: EffectTable): Promise<void> {
  const { good, bad } = checkCookbooks(entries);
  const work = `${dir}.${process.pid}`;
  mkdirSync(work, { recursive: true });
  const workflowsPath = join(work, 'entry.cjs');
  writeFileSync(workflowsPath, entryCode(good, effects));
  writeFileSync(join(work, 'bundle.js'), await bundle(workflowsPath));
  writeFileSync(
    join(work, 'made.json'),
    JSON.stringify({ cookbooks: good.map(({ name }) => name), problems: bad.flatMap(({ errors }) => errors) }),
  );
  try {
    renameSync(work, dir);
  } catch (error) {
    // Another worker has built the same one meanwhile.
    rmSync(work, { recursive: true, force: true });
    if (!existsSync(join(dir, 'made.json'))) throw error;
  }
}

// A cookbook's module is loaded by its own runs only: one that throws while loading fails nobody else.
function entryCode(entries: CookbookEntry[], effects: EffectTable): string {
  const own = Object.keys(builtins).map((name) => ({ name, file: join(root, `workflows/builtin/${name}.ts`) }));
  const modules = [...own, ...entries].map(
    ({ name, file }) => `  ${JSON.stringify(name)}: () => require(${JSON.stringify(file)}),`,
  );
  return [
    `const { serve } = require(${JSON.stringify(join(root, 'workflows/engine/run.ts'))});`,
    `const registry = {\n${modules.join('\n')}\n};`,
    `exports.default = serve(registry, ${JSON.stringify(effects)});\n`,
  ].join('\n');
}

async function bundle(workflowsPath: string): Promise<string> {
  const errors: string[] = [];
  const logger = new DefaultLogger('ERROR', ({ message }: LogEntry) => errors.push(message));
  try {
    const { code } = await bundleWorkflowCode({
      workflowsPath,
      workflowInterceptorModules: [join(root, 'workflows/engine/context.ts')],
      logger,
      webpackConfigHook: (webpack) => ({
        ...webpack,
        resolve: {
          ...webpack.resolve,
          alias: {
            ...(webpack.resolve?.alias as Record<string, string> | undefined),
            sumac$: join(root, 'src/sumac.ts'),
          },
          modules: ['node_modules', join(root, 'node_modules')],
        },
      }),
    });
    return code;
  } catch (error) {
    throw new OpsError(
      'usage',
      'BUNDLE_FAILED',
      `the workflow bundle cannot be built: ${errors.join('\n') || String(error)}`,
      {},
      error,
    );
  }
}

function hashOf(entries: CookbookEntry[], effects: EffectTable): string {
  const hash = createHash('sha256').update(JSON.stringify({ effects, entries }));
  const bases = new Set(entries.map(({ base }) => base));
  for (const dir of [join(root, 'workflows'), join(root, 'src/model'), ...bases])
    for (const file of sources(dir)) hash.update(file).update(readFileSync(file));
  hash.update(readFileSync(join(root, 'src/sumac.ts'))).update(readFileSync(join(root, 'package-lock.json')));
  return hash.digest('hex').slice(0, 16);
}

const sources = (dir: string): string[] =>
  readdirSync(dir, { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules' && !name.startsWith('.'))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) =>
      entry.isDirectory()
        ? sources(join(dir, entry.name))
        : /\.[cm]?[jt]s$|\.json$/.test(entry.name)
          ? [join(dir, entry.name)]
          : [],
    );

// Open runs replay on the newest bundle; a few older ones stay for whoever has to look.
function forgetOld(dir: string): void {
  const byAge = readdirSync(dir)
    .map((name) => ({ path: join(dir, name), at: statSync(join(dir, name)).mtimeMs }))
    .sort((a, b) => b.at - a.at);
  for (const { path, at } of byAge.slice(kept))
    if (Date.now() - at > 3_600_000) rmSync(path, { recursive: true, force: true });
}
