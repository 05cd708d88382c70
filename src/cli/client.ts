import { Client, Connection, isGrpcServiceError } from '@temporalio/client';
import { WorkflowNotFoundError, defaultPayloadConverter } from '@temporalio/common';
import { connect as connectTcp } from 'node:net';
import { hostname } from 'node:os';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { temporalConnection } from '../config/temporal.ts';
import { OpsError, messageOf } from '../model/errors.ts';
import { contextHeader, type RunContext } from '../model/run.ts';
import { operator, type Globals } from './globals.ts';

/** A conversation with the Temporal server. */
export interface Temporal {
  config: Config;
  connection: Connection;
  client: Client;
  namespace: string;
}

/** gRPC status codes the CLI tells apart (grpc/status.h). */
export const grpcStatus = { cancelled: 1, invalidArgument: 3, deadlineExceeded: 4, notFound: 5 } as const;

/** The gRPC status of an error of the client or of what it wraps; undefined for others. */
export function grpcCode(error: unknown): number | undefined {
  if (isGrpcServiceError(error)) return error.code;
  return error instanceof Error && error.cause !== undefined ? grpcCode(error.cause) : undefined;
}

/** Whether the server knows no such run. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof WorkflowNotFoundError || grpcCode(error) === grpcStatus.notFound;

/**
 * Connects to the server of the configuration.
 * @param context of the runs that are started through it
 * @throws CONFIG_*, TEMPORAL_UNREACHABLE
 */
export async function connect({ configFile }: Globals, context?: RunContext): Promise<Temporal> {
  const { config } = await loadConfig(configFile);
  const { address, namespace } = config.temporal;
  const options = readOptions(config);
  try {
    const [connection] = await Promise.all([Connection.connect({ ...options, connectTimeout: '5s' }), reach(address)]);
    const client = new Client({
      connection,
      namespace,
      identity: `${operator()}@${hostname()}`,
      interceptors: context ? { workflow: [contextInterceptor(context)] } : {},
    });
    return { config, connection, client, namespace };
  } catch (error) {
    const why = messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
    throw new OpsError('usage', 'TEMPORAL_UNREACHABLE', `Temporal does not answer at ${address}: ${why}`, {}, error);
  }
}

function readOptions(config: Config): ReturnType<typeof temporalConnection> {
  try {
    return temporalConnection(config);
  } catch (error) {
    throw new OpsError(
      'usage',
      'CONFIG_UNREADABLE',
      `a file that 'temporal' names cannot be read: ${messageOf(error)}`,
    );
  }
}

/** Fails at once with the system's reason where gRPC would go on trying and then say that time is up. */
const reach = (address: string): Promise<void> =>
  new Promise((resolve, reject) => {
    if (['grpc_proxy', 'https_proxy', 'http_proxy'].some((name) => process.env[name])) {
      resolve();
      return;
    } // gRPC obeys them
    const colon = address.lastIndexOf(':');
    const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
    const socket = connectTcp({ host, port: Number(address.slice(colon + 1)), timeout: 5_000 });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => socket.destroy(new Error('no connection within 5 s')));
    socket.once('error', reject);
  });

const contextInterceptor = (context: RunContext) => {
  const header = { [contextHeader]: defaultPayloadConverter.toPayload(context) };
  return {
    startWithDetails: <I extends { headers: object }, O>(input: I, next: (input: I) => O): O =>
      next({ ...input, headers: { ...input.headers, ...header } }),
  };
};
