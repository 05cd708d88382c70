import type { Config } from '../config/schema.ts';

/** What activities are handed to reach the world; made once per worker, closed when it ends. */
export interface Deps {
  config: Config;
}
