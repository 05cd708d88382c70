import type { ClientChannel, SFTPWrapper } from 'ssh2';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { OpsError, isOpsError, messageOf } from '../model/errors.ts';
import { connect, unreachable } from './connect.ts';
import { ChannelFailure } from './channel-failure.ts';
import { Connection } from './connection.ts';
import type { HostKeys } from './host-keys.ts';
import { type KeptShell, newEnd } from './kept-shell.ts';
import { Limit } from './limit.ts';
import { type Exit, type Job, serve } from './serve.ts';
import type { Target } from './target.ts';

export interface PoolOptions {
  hostKeys: HostKeys;
  /** Told of a host key that is accepted without proof. */
  warn: (message: string) => void;
  maxHandshakes: number;
  maxChannels: number;
  /** Of more kept connections than this, those that nothing uses are closed, longest unused first. */
  maxConnections: number;
  /** A connection without use is closed after this. */
  idleMs: number;
}

/** Attempts at a host that drops new connections. */
const mostDrops = 6;

/** How long a host may take to count a session that has ended as ended. */
const refusedMs = 100;

/** A kept connection that opens no channel within this is dead: its host was rebooted or cut off. */
const staleMs = 5000;

interface Kept {
  target: Target;
  connection: Promise<Connection>;
  /** Once it is made. */
  opened?: Connection;
}

/** Connections to hosts, kept and shared by everything the worker does there. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #handshakes: Limit;
  /** Longest unused first. */
  readonly #kept = new Map<string, Kept>();
  readonly #closing = new AbortController();

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#handshakes = new Limit(options.maxHandshakes);
  }

  /**
   * Runs a command in a channel of its own, or by a kept shell that answers. A command that never got one because a kept connection was dead goes over
   * a new connection.
   * @throws the signal's reason; CONNECTION_LOST of kind unknown when the command may have run; what {@link connect} throws
   */
  async exec(target: Target, job: Job): Promise<Exit> {
    for (let failures = 0; ;) {
      const { connection, fresh } = await this.#connection(target, job.signal);
      const asked = job.kept && connection.shell();
      const shell =
        asked &&
        (await unlessAborted(asked, job.signal).catch((error: unknown) => {
          void asked.then((each) => each?.close());
          throw error;
        }));
      if (shell) return await this.#byShell(target, shell, job);
      const give = job.urgent === true ? connection.channels.tryTake() : await connection.place(job.signal);
      if (!give) return this.#aside(target, job);
      const done = () => {
        give();
        connection.rest();
      };
      let starts = false;
      try {
        const patience = fresh ? target.connectTimeoutMs : staleMs;
        starts = job.kept !== undefined && connection.startsShell();
        if (job.kept && starts) {
          const end = newEnd();
          const { start } = job.kept;
          const open = () => connection.start(start(end), patience);
          return await served(open, job, done, (channel) => connection.keepShell(channel).attempt(job, end));
        }
        return await served(() => connection.start(job.command, patience), job, done);
      } catch (error) {
        if (starts) connection.noShell();
        if (!(error instanceof ChannelFailure)) throw error;
        done();
        const others = connection.channels.used;
        if (error.reason === 'refused' && others > 0) {
          // It allows fewer sessions than we thought: wait for one of ours to end.
          connection.channels.lower(others);
          failures = 0;
        } else if (error.reason === 'lost' || ++failures > 3) throw lost(target, error);
        else if (error.reason === 'refused') {
          if (fresh) throw lost(target, error);
          // To the host, the session that ended last may still be one; else perhaps a new connection gets what this one does not.
          if (failures === 1) await sleep(refusedMs);
          else this.forget(target.host);
        }
      }
    }
  }

  /**
   * Hands the host's sftp server to `use`, in a channel of its own.
   * @throws SFTP_UNAVAILABLE; the signal's reason; what `use` and {@link connect} throw
   */
  async sftp<T>(target: Target, signal: AbortSignal, use: (sftp: SFTPWrapper) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const { connection, fresh } = await this.#connection(target, signal);
      const give = await connection.place(signal);
      const done = () => {
        give();
        connection.rest();
      };
      let sftp: SFTPWrapper;
      try {
        sftp = await connection.sftp(fresh ? target.connectTimeoutMs : staleMs);
      } catch (error) {
        done();
        if (!(error instanceof ChannelFailure)) throw error;
        if (/subsystem|establishing SFTP/i.test(error.message)) throw noSftp(target.host, error);
        const others = connection.channels.used;
        if (error.reason === 'refused' && others > 0) {
          connection.channels.lower(others);
          continue;
        }
        if (error.reason === 'closed' && attempt < 3) continue;
        throw unreachable(target, error.message, error);
      }
      // What goes on without a listener would end the process; who waits learns it from their own request.
      sftp.on('error', () => undefined).once('close', done);
      try {
        return await unlessAborted(use(sftp), signal);
      } finally {
        sftp.end();
      }
    }
  }

  /** Takes no kept connection to this host any more; commands under way go on. */
  forget(host: string): void {
    for (const [key, { target, connection }] of this.#kept)
      if (target.host === host) {
        this.#kept.delete(key);
        connection.then((each) => each.retire()).catch(() => undefined);
      }
  }

  /** Ends every connection; commands under way fail. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the worker ends'));
    const all = [...this.#kept.values()].map(({ connection }) => connection);
    this.#kept.clear();
    for (const result of await Promise.allSettled(all)) if (result.status === 'fulfilled') result.value.end();
  }

  async #byShell(target: Target, shell: KeptShell, job: Job): Promise<Exit> {
    const end = newEnd();
    try {
      const text = job.kept?.next(end);
      job.onSend?.();
      return await shell.attempt(job, end, text);
    } catch (error) {
      shell.close();
      throw error instanceof ChannelFailure ? lost(target, error) : error;
    }
  }

  /** For a command that cannot wait for a place: a connection for it alone. */
  async #aside(target: Target, job: Job): Promise<Exit> {
    const connection = await this.#open(target);
    try {
      return await served(() => connection.start(job.command, target.connectTimeoutMs), job);
    } catch (error) {
      throw error instanceof ChannelFailure ? lost(target, error) : error;
    } finally {
      connection.end();
    }
  }

  async #connection(target: Target, signal: AbortSignal): Promise<{ connection: Connection; fresh: boolean }> {
    const key = keyOf(target);
    const kept = this.#kept.get(key);
    if (kept) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      const connection = await unlessAborted(kept.connection, signal);
      if (!connection.closed && this.#trusted(target, connection)) return { connection, fresh: false };
      if (this.#kept.get(key) === kept) this.#kept.delete(key);
      connection.retire();
      return this.#connection(target, signal);
    }
    const connection = this.#open(target);
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

  // An sshd with too many newcomers drops some at random: they come again, each at another time.
  async #open(target: Target): Promise<Connection> {
    const { signal } = this.#closing;
    for (let attempt = 1; ; attempt++)
      try {
        return await this.#openOnce(target, signal);
      } catch (error) {
        if (!isOpsError(error) || error.facts['dropped'] !== true || attempt === mostDrops) throw error;
        await sleep(Math.random() * Math.min(250 * 2 ** attempt, 4000), undefined, { signal });
      }
  }

  async #openOnce(target: Target, signal: AbortSignal): Promise<Connection> {
    const { hostKeys, warn, maxChannels, idleMs } = this.#options;
    const sock = target.jump && (await this.#through(target.jump, target));
    const done = await this.#handshakes.take(signal);
    try {
      const stamp = hostKeys.stamp(target.owner);
      const { client, hostKey } = await connect(target, { hostKeys, warn, signal, ...(sock && { sock }) });
      return new Connection(client, hostKey, stamp, maxChannels, idleMs);
    } finally {
      done();
    }
  }

  async #through(jump: Target, target: Target): Promise<Duplex> {
    for (let attempt = 1; ; attempt++) {
      const { connection, fresh } = await this.#connection(jump, this.#closing.signal);
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

/**
 * @param open throws at once what is wrong with the command
 * @param done called once the channel is no more
 */
async function served(
  open: () => Promise<ClientChannel>,
  job: Job,
  done: () => void = () => undefined,
  see: (channel: ClientChannel) => Promise<Exit> = (channel) => serve(channel, job),
): Promise<Exit> {
  let opening: Promise<ClientChannel>;
  try {
    opening = open();
  } catch (error) {
    done();
    throw error;
  }
  opening.then((channel) => channel.once('close', done)).catch(done);
  let channel: ClientChannel;
  try {
    channel = await unlessAborted(opening, job.signal);
  } catch (error) {
    if (!(error instanceof ChannelFailure)) opening.then(drop).catch(() => undefined);
    if (!(error instanceof ChannelFailure) || error.reason === 'lost') job.onSend?.();
    throw error;
  }
  job.onSend?.();
  return see(channel);
}

// Its end is only seen once everything before it has been read.
function drop(channel: ClientChannel): void {
  channel.stderr.resume();
  channel.resume().close();
}

const noSftp = (host: string, cause: unknown) =>
  new OpsError(
    'failed',
    'SFTP_UNAVAILABLE',
    `${host} has no sftp server, which files are transferred by: its sshd_config needs a line 'Subsystem sftp internal-sftp'`,
    { host },
    cause,
  );

const keyOf = ({ host, user, address, port, owner, jump }: Target): string =>
  JSON.stringify([host, user, address, port, owner.proven, jump && keyOf(jump)]);

function lost(target: Target, error: ChannelFailure): OpsError {
  if (error.reason !== 'lost') return unreachable(target, error.message, error);
  return new OpsError(
    'unknown',
    'CONNECTION_LOST',
    `${target.host}: the connection was lost before the command had ended`,
    { host: target.host },
    error,
  );
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
