import type { Config } from '../config/schema.ts';
import type { HostSet } from '../model/host-set.ts';
import type { Scanner } from './grammar/scanner.ts';

/** What a backend is handed to find out which hosts are meant. */
export interface World {
  config: Config;
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal;
  /** Tells the operator what was passed over. */
  warn: (message: string) => void;
}

/** A source of host names. To add one, put a file that exports it as `backend` into `backends/`. */
export interface Backend {
  /** For `default_backend`. */
  name: string;
  /** For the global grammar, `D{...}`; upper case, not `A`. */
  letter: string;
  /**
   * Reads the whole text, without asking anybody.
   * @returns asks the world for the hosts @throws HOSTS_INVALID, QUERY_INVALID, errors of the backend's own
   * @throws NotParsed when the text is not of its grammar, QUERY_INVALID when it is and cannot be meant
   */
  parse(text: Scanner): (world: World) => Promise<HostSet>;
}
