import { setTimeout as sleep } from 'node:timers/promises';
import type { ChannelFailure } from './channel-failure.ts';
import { unreachable } from './connect.ts';
import type { Connections } from './connections.ts';
import type { Reached } from './opener.ts';
import type { Target } from './target.ts';

/** How long a host may take to count a session that has ended as ended. */
const refusedMs = 100;
/** Failures in a row that are met by another try. */
const mostFailures = 3;

/** What is done about a host that gives no channel: for one command, or one use of sftp. */
export class Tries {
  readonly #target: Target;
  readonly #connections: Connections;
  #failures = 0;

  constructor(target: Target, connections: Connections) {
    this.#target = target;
    this.#connections = connections;
  }

  /**
   * Returns when it is time to try again, over the connection that is kept then.
   * @param failure of the channel, whose place was given back
   * @throws UNREACHABLE when another try is of no use
   */
  async again(failure: ChannelFailure, { connection, fresh }: Reached): Promise<void> {
    const { reason, message } = failure;
    const others = connection.channels.used;
    if (reason === 'refused' && others > 0) {
      // It allows fewer sessions than we thought: wait for one of ours to end.
      connection.channels.lower(others);
      this.#failures = 0;
      return;
    }
    const isFinal = reason === 'lost' || (reason === 'refused' && fresh);
    if (isFinal || ++this.#failures > mostFailures) throw unreachable(this.#target, message, failure);
    if (reason !== 'refused') return;
    // To the host, the session that ended last may still be one; else perhaps a new connection gets what this one does not.
    if (this.#failures === 1) await sleep(refusedMs);
    else this.#connections.forget(this.#target.host);
  }
}
