import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import type { IOptions } from 'etcd3';
import type { Config } from '../config/schema.ts';
import { OpsError, messageOf } from '../model/errors.ts';

export type EtcdConfig = NonNullable<Config['etcd']>;

/** One unary call; a host that does not answer is given up and the next one asked. */
export const callTimeoutMs = 2000;

type Policy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>;

// No circuit breaker and no retries: who waits for a lock wants to know at once that etcd is away, or back.
const direct = {
  execute: async <T>(body: (context: { signal: AbortSignal }) => T | PromiseLike<T>) =>
    body({ signal: new AbortController().signal }),
} as unknown as Policy;

const deadline = () => ({ deadline: Date.now() + callTimeoutMs });

/**
 * What the transport needs, from the `etcd` section of the configuration.
 * @throws ETCD_CONFIG_UNREADABLE
 */
export function etcdOptions(config: EtcdConfig): Omit<IOptions, 'hosts'> {
  if ((config.cert === undefined) !== (config.key === undefined))
    throw unreadable(
      `etcd.${config.cert === undefined ? 'cert' : 'key'}`,
      'set both etcd.cert and etcd.key, or neither',
    );
  if ((config.username === undefined) !== (config.password_file === undefined))
    throw unreadable('etcd.username', 'set both etcd.username and etcd.password_file, or neither');
  return {
    defaultCallOptions: ({ isStream }) => (isStream ? {} : deadline()),
    // Half-open connections are noticed although a watch is silent; etcd allows a ping every 5 s.
    grpcOptions: {
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5000,
      'grpc.max_reconnect_backoff_ms': 1000,
    },
    faultHandling: { host: () => direct, global: direct },
    ...credentials(config),
    ...(config.username !== undefined &&
      config.password_file !== undefined && {
        auth: {
          username: config.username,
          password: read('etcd.password_file', config.password_file).toString().trim(),
          callOptions: deadline,
        },
      }),
  };
}

function credentials(config: EtcdConfig): Pick<IOptions, 'credentials'> {
  if (config.ca_cert === undefined && config.cert === undefined) return {};
  const rootCertificate =
    config.ca_cert === undefined ? Buffer.from(rootCertificates.join('\n')) : read('etcd.ca_cert', config.ca_cert);
  if (config.cert === undefined || config.key === undefined) return { credentials: { rootCertificate } };
  return {
    credentials: {
      rootCertificate,
      certChain: read('etcd.cert', config.cert),
      privateKey: read('etcd.key', config.key),
    },
  };
}

function read(field: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw unreadable(field, `cannot be read: ${messageOf(error)}`);
  }
}

const unreadable = (field: string, why: string) => new OpsError('usage', 'ETCD_CONFIG_UNREADABLE', `${field}: ${why}`);
