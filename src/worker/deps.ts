import { DefaultLogger, type Logger } from '@temporalio/worker';
import type { Config } from '../config/schema.ts';

/** What activities are handed to reach the world; made once per worker, closed when it ends. */
export interface Deps {
  config: Config;
  logger: Logger;
}

/** Opens what the activities of a worker share; connections are made when first needed. */
export function openDeps(config: Config): Deps {
  return { config, logger: new DefaultLogger('WARN') };
}

export async function closeDeps(_deps: Deps): Promise<void> {}
