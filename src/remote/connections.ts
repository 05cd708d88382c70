import type { Connection } from './connection.ts';
import { type OpenOptions, Opener, type Reached } from './opener.ts';
import type { Target } from './target.ts';
import { unlessAborted } from './unless-aborted.ts';

export interface ConnectionsOptions extends OpenOptions {
  /** Of more kept connections than this, those that nothing uses are closed, longest unused first. */
  maxConnections: number;
}

interface Kept {
  target: Target;
  connection: Promise<Connection>;
  /** Once it is made. */
  opened?: Connection;
}

/** Connections to hosts, kept for who comes next, as long as their host keys are still accepted. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #opener: Opener;
  /** Longest unused first. */
  readonly #kept = new Map<string, Kept>();
  readonly #closing = new AbortController();

  constructor(options: ConnectionsOptions) {
    const { signal } = this.#closing;
    this.#options = options;
    this.#opener = new Opener(options, (jump) => this.of(jump, signal), signal);
  }

  /** The connection that is kept, or a new one. @throws the signal's reason; see {@link Opener.open} */
  async of(target: Target, signal: AbortSignal): Promise<Reached> {
    const key = keyOf(target);
    const kept = this.#kept.get(key);
    if (kept) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      const connection = await unlessAborted(kept.connection, signal);
      if (!connection.closed && this.#trusted(target, connection)) return { connection, fresh: false };
      if (this.#kept.get(key) === kept) this.#kept.delete(key);
      connection.retire();
      return this.of(target, signal);
    }
    const connection = this.open(target);
    const entry: Kept = { target, connection };
    this.#kept.set(key, entry);
    this.#makeRoom();
    const drop = () => {
      if (this.#kept.get(key) === entry) this.#kept.delete(key);
    };
    connection
      .then((opened) => {
        entry.opened = opened;
        opened.onClose(drop);
      })
      .catch(drop);
    return { connection: await unlessAborted(connection, signal), fresh: true };
  }

  /** A new connection that is not kept. @throws see {@link Opener.open} */
  open(target: Target): Promise<Connection> {
    return this.#opener.open(target);
  }

  /** Takes no kept connection to this host any more; what is under way goes on. */
  forget(host: string): void {
    for (const [key, { target, connection }] of this.#kept)
      if (target.host === host) {
        this.#kept.delete(key);
        connection.then((each) => each.retire()).catch(() => undefined);
      }
  }

  /** Ends every kept connection. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the worker ends'));
    const all = [...this.#kept.values()].map(({ connection }) => connection);
    this.#kept.clear();
    for (const result of await Promise.allSettled(all)) if (result.status === 'fulfilled') result.value.end();
  }

  #makeRoom(): void {
    for (const [key, { opened }] of this.#kept) {
      if (this.#kept.size <= this.#options.maxConnections) return;
      if (opened?.idle !== true) continue;
      this.#kept.delete(key);
      opened.retire();
    }
  }

  // What was verified when the connection was made may have been replaced or revoked since.
  #trusted(target: Target, connection: Connection): boolean {
    const { hostKeys } = this.#options;
    const now = hostKeys.stamp(target.owner);
    if (now === connection.stamp) return true;
    if (hostKeys.judge(target.owner, connection.hostKey).objection) return false;
    connection.stamp = now;
    return true;
  }
}

const keyOf = ({ host, user, address, port, owner, jump }: Target): string =>
  JSON.stringify([host, user, address, port, owner.proven, jump && keyOf(jump)]);
