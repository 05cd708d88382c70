import type { Client, ClientChannel, SFTPWrapper } from 'ssh2';
import type { Duplex } from 'node:stream';
import { ChannelFailure } from './channel-failure.ts';
import { KeptShell } from './kept-shell.ts';
import { Limit } from './limit.ts';

/** A kept connection that opens no channel within this is dead: its host was rebooted or cut off. */
export const staleMs = 5000;

/** A kept connection to one host. */
export class Connection {
  readonly hostKey: Buffer;
  /** State of the known_hosts files when the host key was last checked. */
  stamp: string;
  readonly channels: Limit;
  closed = false;
  readonly #client: Client;
  readonly #idleMs: number;
  #idle: NodeJS.Timeout | undefined;
  #forwards = 0;
  #shell: KeptShell | 'starting' | undefined;
  #attempts = 0;
  #retired = false;

  constructor(client: Client, hostKey: Buffer, stamp: string, maxChannels: number, idleMs: number) {
    this.#client = client;
    this.hostKey = hostKey;
    this.stamp = stamp;
    this.channels = new Limit(maxChannels);
    this.#idleMs = idleMs;
    client.on('close', () => {
      this.closed = true;
      clearTimeout(this.#idle);
    });
    this.rest();
  }

  onClose(listener: () => void): void {
    this.#client.on('close', listener);
  }

  /** Nothing is under way. */
  get idle(): boolean {
    return this.channels.used === (this.#freeShell ? 1 : 0) && this.#forwards === 0;
  }

  /**
   * Waits for a place for a channel.
   * @returns what gives it back
   * @throws the signal's reason
   */
  async place(signal: AbortSignal): Promise<() => void> {
    const place = this.tryPlace();
    if (place) return place;
    this.#freeShell?.close();
    return this.#thenRest(await this.channels.take(signal));
  }

  /** A place at once, or none. */
  tryPlace(): (() => void) | undefined {
    const give = this.channels.tryTake();
    return give && this.#thenRest(give);
  }

  #thenRest(give: () => void): () => void {
    return () => {
      give();
      this.rest();
    };
  }

  /** The kept shell, if nothing uses it and it answers; it is in use then. */
  async shell(): Promise<KeptShell | undefined> {
    const shell = this.#freeShell;
    if (!shell) return undefined;
    const taken = shell.take();
    this.rest();
    return (await taken) ? shell : undefined;
  }

  /** Whether the next attempt is to start a shell that is kept: not for one attempt alone, and not in the only channel. */
  startsShell(): boolean {
    if (this.#attempts++ === 0 || this.#shell !== undefined || this.channels.most < 2) return false;
    this.#shell = 'starting';
    return true;
  }

  /** Keeps a shell just started. */
  keepShell(channel: ClientChannel): KeptShell {
    const shell = new KeptShell(channel, () => {
      if (this.channels.isWanted) shell.close();
      this.rest();
    });
    this.#shell = shell;
    channel.once('close', () => {
      if (this.#shell === shell) this.#shell = undefined;
    });
    return shell;
  }

  /** The shell that was to be kept did not start. */
  noShell(): void {
    if (this.#shell === 'starting') this.#shell = undefined;
  }

  get #freeShell(): KeptShell | undefined {
    return this.#shell instanceof KeptShell && this.#shell.isFree ? this.#shell : undefined;
  }

  /** Starts the idle time when nothing is under way; called after each use. */
  rest(): void {
    clearTimeout(this.#idle);
    if (!this.idle) return;
    if (this.#retired) this.end();
    else this.#idle = setTimeout(() => this.end(), this.#idleMs).unref();
  }

  /** Takes no new commands; those under way go on. */
  retire(): void {
    this.#retired = true;
    this.rest();
  }

  end(): void {
    this.closed = true;
    clearTimeout(this.#idle);
    this.#client.end();
    // A peer that is gone answers no good-bye.
    setTimeout(() => this.#client.destroy(), 1000).unref();
  }

  /**
   * Starts a command in a channel of its own.
   * @param patienceMs how long the host may take to open it before the connection counts as dead
   */
  start(command: string, patienceMs: number): Promise<ClientChannel> {
    clearTimeout(this.#idle);
    return this.#open<ClientChannel>(patienceMs, (done) => this.#client.exec(command, done));
  }

  /** Starts the host's sftp server in a channel of its own. */
  sftp(patienceMs: number): Promise<SFTPWrapper> {
    clearTimeout(this.#idle);
    return this.#open<SFTPWrapper>(patienceMs, (done) => this.#client.sftp(done));
  }

  /** A stream to an address that this host reaches. */
  async forward(address: string, port: number, patienceMs: number): Promise<Duplex> {
    clearTimeout(this.#idle);
    this.#forwards++;
    const rest = () => {
      this.#forwards--;
      this.rest();
    };
    try {
      const stream = await this.#open<ClientChannel>(patienceMs, (done) =>
        this.#client.forwardOut('127.0.0.1', 0, address, port, done),
      );
      return stream.once('close', rest);
    } catch (error) {
      rest();
      throw error;
    }
  }

  #open<T>(patienceMs: number, ask: (done: (error: Error | undefined, channel: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = () => reject(new ChannelFailure('lost', 'the connection stopped answering'));
      let last: NodeJS.Timeout | undefined;
      const timer = setTimeout(() => {
        this.closed = true;
        this.#client.destroy();
        // The library's own callback tells how far it came; through a jump host that is gone too, it never comes.
        last = setTimeout(giveUp, 1000);
      }, patienceMs);
      const done = (error: Error | undefined, channel: T) => {
        clearTimeout(timer);
        clearTimeout(last);
        if (error) reject(new ChannelFailure(this.#reason(error), error.message));
        else resolve(channel);
      };
      try {
        ask(done);
      } catch (error) {
        done(error as Error, undefined as T);
      }
    });
  }

  // 'Unable to exec': the channel was open when the request failed or the connection died.
  #reason({ message }: Error): ChannelFailure['reason'] {
    if (message === 'Unable to exec') return this.closed ? 'lost' : 'refused';
    if (!this.closed && !/^(No response from server|Not connected)/.test(message)) return 'refused';
    // Known before its 'close' comes.
    this.closed = true;
    return 'closed';
  }
}
