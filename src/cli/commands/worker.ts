import { loadConfig } from '../../config/load.ts';
import type { Globals } from '../globals.ts';

/** `cookbook worker`: serves runs until it is told to stop. */
export async function worker({ configFile }: Globals, site: string | undefined): Promise<number> {
  const { config } = await loadConfig(configFile);
  const { runWorker } = await import('../../worker/main.ts');
  const ready = (text: string) => process.stderr.write(`worker ${text}\n`);
  await runWorker(config, { ...(site !== undefined && { site }), ready });
  return 0;
}
