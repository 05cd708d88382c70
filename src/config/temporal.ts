import { readFileSync } from 'node:fs';
import type { Config } from './schema.ts';

/** What both the client and the worker need to connect: address, TLS and the API key, read from their files. */
export interface TemporalConnection {
  address: string;
  tls?: {
    serverRootCACertificate?: Buffer;
    serverNameOverride?: string;
    clientCertPair?: { crt: Buffer; key: Buffer };
  };
  apiKey?: string;
}

export function temporalConnection({ temporal }: Pick<Config, 'temporal'>): TemporalConnection {
  const { address, tls, api_key_file: keyFile } = temporal;
  return {
    address,
    ...(tls && {
      tls: {
        ...(tls.ca_cert !== undefined && { serverRootCACertificate: readFileSync(tls.ca_cert) }),
        ...(tls.server_name !== undefined && { serverNameOverride: tls.server_name }),
        ...(tls.cert !== undefined &&
          tls.key !== undefined && { clientCertPair: { crt: readFileSync(tls.cert), key: readFileSync(tls.key) } }),
      },
    }),
    ...(keyFile !== undefined && { apiKey: readFileSync(keyFile, 'utf8').trim() }),
  };
}
