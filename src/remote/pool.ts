import type { SFTPWrapper } from 'ssh2';
import { OpsError } from '../model/errors.ts';
import { ChannelFailure } from './channel-failure.ts';
import { staleMs } from './connection.ts';
import { Connections, type ConnectionsOptions } from './connections.ts';
import type { Reached } from './opener.ts';
import { byShell, inChannel, keptShell, lost } from './run-job.ts';
import type { Exit, Job } from './serve.ts';
import type { Target } from './target.ts';
import { Tries } from './tries.ts';
import { unlessAborted } from './unless-aborted.ts';

/** Commands and files on hosts, over connections that everything the worker does there shares. */
export class Pool {
  readonly #connections: Connections;

  constructor(options: ConnectionsOptions) {
    this.#connections = new Connections(options);
  }

  /**
   * Runs a command in a channel of its own, or by a kept shell that answers. One that got neither because a kept connection was
   * dead, or the host gave no channel there, goes over a new connection.
   * @throws the signal's reason; CONNECTION_LOST of kind unknown when the command may have run; see `Opener.open`
   */
  async exec(target: Target, job: Job): Promise<Exit> {
    const tries = new Tries(target, this.#connections);
    for (;;) {
      const reached = await this.#connections.of(target, job.signal);
      const { connection } = reached;
      const shell = job.kept && (await keptShell(connection, job.signal));
      if (shell) return byShell(target, shell, job);
      const done = job.urgent === true ? connection.tryPlace() : await connection.place(job.signal);
      if (!done) return this.#aside(target, job);
      try {
        return await inChannel(connection, job, patienceMs(target, reached), done);
      } catch (error) {
        if (!(error instanceof ChannelFailure)) throw error;
        done();
        if (error.reason === 'lost') throw lost(target, error);
        await tries.again(error, reached);
      }
    }
  }

  /**
   * Hands the host's sftp server to `use`, in a channel of its own; over a new connection as {@link exec}.
   * @throws SFTP_UNAVAILABLE; the signal's reason; what `use` throws; see `Opener.open`
   */
  async sftp<T>(target: Target, signal: AbortSignal, use: (sftp: SFTPWrapper) => Promise<T>): Promise<T> {
    const tries = new Tries(target, this.#connections);
    for (;;) {
      const reached = await this.#connections.of(target, signal);
      const { connection } = reached;
      const done = await connection.place(signal);
      let sftp: SFTPWrapper;
      try {
        sftp = await connection.sftp(patienceMs(target, reached));
      } catch (error) {
        done();
        if (!(error instanceof ChannelFailure)) throw error;
        if (/subsystem|establishing SFTP/i.test(error.message)) throw noSftp(target.host, error);
        await tries.again(error, reached);
        continue;
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
    this.#connections.forget(host);
  }

  /** Ends every connection; commands under way fail. */
  close(): Promise<void> {
    return this.#connections.close();
  }

  /** For a command that cannot wait for a place: a connection for it alone. */
  async #aside(target: Target, job: Job): Promise<Exit> {
    const connection = await this.#connections.open(target);
    try {
      return await inChannel(connection, job, target.connectTimeoutMs);
    } catch (error) {
      throw error instanceof ChannelFailure ? lost(target, error) : error;
    } finally {
      connection.end();
    }
  }
}

/** A connection that was kept may be dead. */
const patienceMs = (target: Target, { fresh }: Reached) => (fresh ? target.connectTimeoutMs : staleMs);

const noSftp = (host: string, cause: unknown) =>
  new OpsError(
    'failed',
    'SFTP_UNAVAILABLE',
    `${host} has no sftp server, which files are transferred by: its sshd_config needs a line 'Subsystem sftp internal-sftp'`,
    { host },
    cause,
  );
