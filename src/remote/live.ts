import type { Call } from '../../activities/define.ts';
import type { Said } from '../model/said.ts';
import type { Capture } from './output.ts';

/** Most of it in one heartbeat. */
const mostBytes = 16 * 1024;

/** Has the heartbeats of a call carry the end of what its command has said so far. */
export class Live {
  /** The call, with these heartbeats. */
  readonly call: Call;
  readonly #place: number;
  #now: { command: number; capture: Capture } | undefined;

  /** @param place of the first command of the call among all of the run */
  constructor(call: Call, place: number) {
    this.#place = place;
    this.call = {
      ...call,
      heartbeat: (details) => call.heartbeat({ ...(details as object), ...(this.#now && { said: this.#said() }) }),
    };
  }

  /** From now on this command speaks, from its beginning. */
  turnTo(command: number, capture: Capture): void {
    this.#now = { command: this.#place + command, capture };
  }

  #said(): Said | undefined {
    if (!this.#now) return undefined;
    const { command, capture } = this.#now;
    const bytes = capture.end(mostBytes);
    return { command, at: capture.total - bytes.length, bytes: bytes.toString('base64') };
  }
}
