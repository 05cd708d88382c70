import type { ServerHostKeyAlgorithm } from 'ssh2';
import Client from 'ssh2/lib/client.js';
import type { Duplex } from 'node:stream';
import { OpsError } from '../model/errors.ts';
import type { HostKeys } from './host-keys.ts';
import { type Offers, offers } from './identities.ts';
import { speedUp } from './quick-login.ts';
import type { Target } from './target.ts';

/** How connections are made, whatever the host. */
export interface ConnectOptions {
  hostKeys: HostKeys;
  /** Told of a host key that is accepted without proof. */
  warn: (message: string) => void;
  /** The way through a jump host. */
  sock?: Duplex;
  signal: AbortSignal;
}

/** A connection just opened, and the key its host has proven to hold. */
export interface Opened {
  client: Client;
  hostKey: Buffer;
}

/** Server key algorithms in the order in which ssh2 prefers them, by the key type they need. */
const keyAlgorithms: [type: string, algorithms: ServerHostKeyAlgorithm[]][] = [
  ['ssh-ed25519', ['ssh-ed25519']],
  ['ecdsa-sha2-nistp256', ['ecdsa-sha2-nistp256']],
  ['ecdsa-sha2-nistp384', ['ecdsa-sha2-nistp384']],
  ['ecdsa-sha2-nistp521', ['ecdsa-sha2-nistp521']],
  ['ssh-rsa', ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa']],
];

/** A host with several keys is asked for one that is known. */
const preferred = (types: readonly string[]): ServerHostKeyAlgorithm[] =>
  [...keyAlgorithms]
    .sort(([a], [b]) => Number(types.includes(b)) - Number(types.includes(a)))
    .flatMap(([, algorithms]) => algorithms);

/**
 * Opens a verified and authenticated connection.
 * @throws HOST_UNKNOWN, UNREACHABLE, HOST_KEY_UNKNOWN, HOST_KEY_MISMATCH, HOST_KEY_REVOKED, KNOWN_HOSTS_UNREADABLE,
 *   NO_KEY_ACCEPTED, HANDSHAKE_FAILED
 */
export function connect(target: Target, options: ConnectOptions): Promise<Opened> {
  const { hostKeys, signal, sock, warn } = options;
  const client = new Client();
  const offered = offers(target);
  return new Promise((resolve, reject) => {
    let hostKey: Buffer | undefined;
    let refused: Error | undefined;
    const fail = (error: Error) => {
      signal.removeEventListener('abort', abort);
      client.destroy();
      reject(refused ?? error);
    };
    const abort = () => fail(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    client
      .on('connect', () => client.setNoDelay(true))
      .on('error', (error: SshError) => {
        if (error.level === 'agent') offered.agentFailed(error);
        else fail(hostKey ? failure(target, offered, error) : asDropped(failure(target, offered, error)));
      })
      .on('close', () => {
        const closed = unreachable(target, 'closed the connection during the handshake');
        fail(hostKey ? closed : asDropped(closed));
      })
      .on('ready', () => {
        signal.removeEventListener('abort', abort);
        client.removeAllListeners();
        // Without a listener a later error would end the process; who waits learns from 'close'.
        client.on('error', () => undefined);
        if (hostKey) resolve({ client, hostKey });
      });
    try {
      signal.throwIfAborted();
      client.connect({
        host: target.address,
        port: target.port,
        username: target.user,
        ...(sock && { sock }),
        readyTimeout: target.connectTimeoutMs,
        keepaliveInterval: target.keepaliveMs,
        keepaliveCountMax: target.keepaliveCount,
        // Through a jump host it is the jump host that connects.
        ...(!sock && { forceIPv4: target.family === 4, forceIPv6: target.family === 6 }),
        ...(!sock && target.bindAddress !== undefined && { localAddress: target.bindAddress }),
        algorithms: { serverHostKey: preferred(hostKeys.types(target.owner)), ...target.algorithms },
        authHandler: (_methods, _partial, next) => next(offered.next() as never),
        hostVerifier: (key: Buffer) => {
          try {
            const { objection, warning } = hostKeys.judge(target.owner, key);
            refused = objection;
            if (warning !== undefined) warn(warning);
          } catch (error) {
            refused = error as Error;
          }
          hostKey = key;
          return refused === undefined;
        },
      });
      speedUp(client);
    } catch (error) {
      fail(error as Error);
    }
  });
}

interface SshError extends Error {
  level?: string;
  code?: unknown;
}

/** An error that the next attempt may not meet. */
export const unreachable = (target: Target, why: string, cause?: unknown) =>
  new OpsError(
    'transient',
    'UNREACHABLE',
    `${target.host} (${target.address} port ${target.port}): ${why}`,
    { host: target.host },
    cause,
  );

/** Codes of a connection that never was, so that trying again at once is of no use. */
const never = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EAI_AGAIN'];

/** An sshd that has its hands full (MaxStartups) closes new connections before it has said anything. */
function asDropped(error: OpsError): OpsError {
  const cause = error.cause as SshError | undefined;
  const other = cause && (cause.level === 'client-timeout' || never.includes(String(cause.code)));
  if (error.code === 'UNREACHABLE' && !other) error.facts['dropped'] = true;
  return error;
}

function failure(target: Target, offered: Offers, error: SshError): OpsError {
  const { host, address, user } = target;
  if (error.code === 'ENOTFOUND' || (error.level === 'client-dns' && error.message.includes('ENOTFOUND')))
    return new OpsError(
      'usage',
      'HOST_UNKNOWN',
      `host '${host}' is unknown: ${address === host ? 'its name' : `its address '${address}'`} cannot be resolved`,
      { host, hosts: [host] },
      error,
    );
  if (error.level === 'client-authentication' || /authentication failures/i.test(error.message))
    return new OpsError(
      'failed',
      'NO_KEY_ACCEPTED',
      `${host} accepts no key for user ${user}; tried ${offered.tried()}`,
      { host, user },
      error,
    );
  if (error.level === 'handshake')
    return new OpsError('failed', 'HANDSHAKE_FAILED', `${host}: ${error.message}`, { host }, error);
  return unreachable(target, error.message, error);
}
