import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isOpsError, messageOf } from '../model/errors.ts';
import { ChannelFailure } from './channel-failure.ts';
import { connect, unreachable } from './connect.ts';
import { Connection, staleMs } from './connection.ts';
import type { HostKeys } from './host-keys.ts';
import { Limit } from './limit.ts';
import type { Target } from './target.ts';

export interface OpenOptions {
  hostKeys: HostKeys;
  /** Told of a host key that is accepted without proof. */
  warn: (message: string) => void;
  maxHandshakes: number;
  maxChannels: number;
  /** A connection without use is closed after this. */
  idleMs: number;
}

/** A connection to a host, and whether it was made for who asked. */
export interface Reached {
  connection: Connection;
  fresh: boolean;
}

/** Attempts at a host that drops new connections. */
const mostDrops = 6;

/** Makes connections to hosts, only so many at a time. */
export class Opener {
  readonly #options: OpenOptions;
  readonly #reach: (jump: Target) => Promise<Reached>;
  readonly #signal: AbortSignal;
  readonly #handshakes: Limit;

  /**
   * @param reach gives the connection to a jump host
   * @param signal aborted when there are to be none any more
   */
  constructor(options: OpenOptions, reach: (jump: Target) => Promise<Reached>, signal: AbortSignal) {
    this.#options = options;
    this.#reach = reach;
    this.#signal = signal;
    this.#handshakes = new Limit(options.maxHandshakes);
  }

  /**
   * Makes a connection. An sshd with too many newcomers drops some at random: they come again, each at another time.
   * @throws the signal's reason; what {@link connect} throws
   */
  async open(target: Target): Promise<Connection> {
    for (let attempt = 1; ; attempt++)
      try {
        return await this.#once(target);
      } catch (error) {
        if (!isOpsError(error) || error.facts['dropped'] !== true || attempt === mostDrops) throw error;
        await sleep(Math.random() * Math.min(250 * 2 ** attempt, 4000), undefined, { signal: this.#signal });
      }
  }

  async #once(target: Target): Promise<Connection> {
    const { hostKeys, warn, maxChannels, idleMs } = this.#options;
    const signal = this.#signal;
    const sock = target.jump && (await this.#through(target.jump, target));
    let done: (() => void) | undefined;
    try {
      done = await this.#handshakes.take(signal);
      const stamp = hostKeys.stamp(target.owner);
      const { client, hostKey } = await connect(target, { hostKeys, warn, signal, ...(sock && { sock }) });
      return new Connection(client, hostKey, stamp, maxChannels, idleMs);
    } catch (error) {
      sock?.destroy();
      throw error;
    } finally {
      done?.();
    }
  }

  async #through(jump: Target, target: Target): Promise<Duplex> {
    for (let attempt = 1; ; attempt++) {
      const { connection, fresh } = await this.#reach(jump);
      try {
        return await connection.forward(
          target.address,
          target.port,
          fresh ? target.connectTimeoutMs : Math.max(staleMs, target.connectTimeoutMs),
        );
      } catch (error) {
        if (error instanceof ChannelFailure && error.reason === 'closed' && attempt < 3) continue;
        throw unreachable(target, `not reached through ${jump.host}: ${messageOf(error)}`, error);
      }
    }
  }
}
