import type { SFTPWrapper } from 'ssh2';
import { lookup } from 'node:dns/promises';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { OpsError } from '../model/errors.ts';
import { type PlainOptions, type Result, type RunOptions, runPlain, shorten } from './command.ts';
import { HostKeys } from './host-keys.ts';
import { entryName } from './journal.ts';
import { type Ending, type OnceOptions, end, runOnce } from './journalled.ts';
import { Limit, mostOpenFiles } from './limit.ts';
import { mostPerHost } from './output.ts';
import { Pool } from './pool.ts';
import { type Target, Targets } from './target.ts';

/** What {@link Remote.runOnce} needs to know besides how to run the command. */
export type Once = Omit<OnceOptions, 'entry'> & {
  /** The same for every attempt, different for every other command: the call's token. */
  token: string;
  /** Number of the command among those of the token. */
  index?: number;
};

export interface RemoteSettings {
  /** A connection without use is closed after this. */
  idleMs?: number;
  /** Told of a host key that is accepted without proof. */
  warn?: (message: string) => void;
}

/** Commands on hosts by ssh; one per worker. */
export class Remote {
  /** Keys that connections are checked against, and where a run notes the one it has proven. */
  readonly hostKeys: HostKeys;
  readonly #targets: Targets;
  readonly #pool: Pool;
  readonly #lookups = new Limit(32);

  constructor(config: Config, { idleMs = 60_000, warn = toStderr }: RemoteSettings = {}) {
    const { ssh } = config;
    this.hostKeys = new HostKeys(join(config.state_dir, 'known_hosts.d'));
    this.#targets = new Targets(config);
    this.#pool = new Pool({
      hostKeys: this.hostKeys,
      warn,
      maxHandshakes: ssh.max_handshakes,
      maxChannels: ssh.max_channels,
      maxConnections: Math.min(ssh.max_connections, Math.floor(mostOpenFiles() / 2)),
      idleMs,
    });
  }

  /**
   * Runs a command that may be repeated at will: one that reads, or that sets what it finds unset.
   * @returns how it ended, whatever its exit status
   * @throws see `runPlain`
   */
  async run(host: string, command: string, options: PlainOptions = {}): Promise<Result> {
    return runPlain(this.#pool, await this.#targets.of(host, options.access), command, options);
  }

  /**
   * The whole output, of 32 KiB at most, of a command that may be repeated at will and that has to succeed.
   * @throws COMMAND_FAILED with the end of the output, OUTPUT_TOO_LONG; see `runPlain`
   */
  async text(host: string, command: string, options: RunOptions = {}): Promise<string> {
    const { exitCode, signal, capture } = await this.run(host, command, options);
    const { text, truncatedBytes } = capture.output(mostPerHost);
    if (exitCode === 0 && truncatedBytes === 0) return text;
    if (exitCode === 0)
      throw new OpsError(
        'failed',
        'OUTPUT_TOO_LONG',
        `${host}: '${shorten(command)}' printed ${capture.total} bytes, ${mostPerHost} are taken`,
        { host },
      );
    const said = capture.output(2000).text.trim();
    throw new OpsError(
      'failed',
      'COMMAND_FAILED',
      `${host}: '${shorten(command)}' ended with ${signal ?? `exit status ${exitCode}`}${said === '' ? '' : `: ${said}`}`,
      { host, exitCode },
    );
  }

  /**
   * Runs a command that may change something, at most once per token and host; a later attempt attaches to it.
   * @throws see `runOnce`
   */
  async runOnce(host: string, command: string, { token, index = 0, ...options }: Once): Promise<Result> {
    const target = await this.#targets.of(host, options.access);
    return runOnce(this.#pool, target, command, { ...options, entry: entryName(token, host, index) });
  }

  /**
   * Ends a command that {@link runOnce} may have begun, and keeps it from beginning.
   * @returns why it may go on, if it may; whether it had never begun
   */
  async endOnce(host: string, { token, index = 0, ...options }: Omit<Once, 'stdin' | 'env'>): Promise<Ending> {
    const entry = entryName(token, host, index);
    const target = await this.#targets.of(host, options.access);
    return end(this.#pool, target, { ...options, entry }, 'cancelled');
  }

  /** Hands the host's sftp server to `use`. @throws see `Pool.sftp` */
  async sftp<T>(
    host: string,
    { access, signal }: Pick<RunOptions, 'access'> & { signal: AbortSignal },
    use: (sftp: SFTPWrapper) => Promise<T>,
  ): Promise<T> {
    return this.#pool.sftp(await this.#targets.of(host, access), signal, use);
  }

  /** Those hosts that neither the configuration nor the inventory, known_hosts or DNS knows. */
  async unknown(hosts: readonly string[]): Promise<string[]> {
    const known = await Promise.all(hosts.map((host) => this.#knows(host)));
    return hosts.filter((_, i) => known[i] === false);
  }

  /** Those of the hosts, and of the jump hosts on the way to them, whose keys are accepted although nothing vouches for them. */
  async unverified(hosts: readonly string[]): Promise<string[]> {
    const found = new Set<string>();
    for (const target of await Promise.all(hosts.map((host) => this.#targets.of(host))))
      for (let at: Target | undefined = target; at; at = at.jump) if (at.owner.strict !== 'yes') found.add(at.host);
    return [...found];
  }

  /** Makes the next command to this host connect anew; commands under way go on. */
  forget(host: string): void {
    this.#pool.forget(host);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #knows(host: string): Promise<boolean> {
    const target = await this.#targets.of(host);
    if (target.known || this.hostKeys.knows(target.owner)) return true;
    const done = await this.#lookups.take();
    try {
      await lookup(host);
      return true;
    } catch (error) {
      // A name server that does not answer is no proof.
      return (error as NodeJS.ErrnoException).code !== 'ENOTFOUND';
    } finally {
      done();
    }
  }
}

const toStderr = (message: string) => process.stderr.write(`WARNING: ${message}\n`);
