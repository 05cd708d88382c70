import { readFile } from 'node:fs/promises';
import { Agent as HttpAgent, request as http } from 'node:http';
import { Agent as HttpsAgent, request as https } from 'node:https';
import { getCACertificates } from 'node:tls';
import { OpsError, messageOf } from '../model/errors.ts';

/** A service that a backend asks. */
export interface Service {
  /** As the operator calls it, `PuppetDB`. */
  name: string;
  /** Beginning of the codes of its errors, `PUPPETDB`. */
  code: string;
  /** Its section of the configuration. */
  section: string;
  /** From the first byte to the last. */
  timeoutSeconds: number;
  tls?: Pick<Tls, 'ca' | 'cert' | 'key' | 'rejectUnauthorized'>;
  /** Address of an HTTP proxy to go through. */
  proxy?: string | undefined;
}
type Tls = NonNullable<Parameters<typeof https>[1]>;

export interface Question {
  method: 'GET' | 'POST';
  url: URL;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  signal: AbortSignal;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

const mostBytes = 64 * 1024 * 1024;

/**
 * Asks once; whoever calls decides about asking again.
 * @throws CODE_UNREACHABLE (transient), CODE_UNTRUSTED when TLS fails, CODE_ANSWER_INVALID when it is endless
 */
export async function ask(service: Service, question: Question): Promise<Answer> {
  const { name, code, section, timeoutSeconds } = service;
  const patience = AbortSignal.timeout(timeoutSeconds * 1000);
  try {
    return await exchange(service, question, AbortSignal.any([question.signal, patience]));
  } catch (error) {
    if (error instanceof OpsError) throw error;
    if (question.signal.aborted) throw question.signal.reason;
    const at = `${name} at ${question.url.origin}`;
    if (patience.aborted)
      throw new OpsError(
        'transient',
        `${code}_UNREACHABLE`,
        `${at} gave no whole answer within ${timeoutSeconds} s (${section}.timeout)`,
      );
    const why = messageOf(error instanceof AggregateError ? error.errors[0] : error);
    if (untrusted(error))
      throw new OpsError(
        'failed',
        `${code}_UNTRUSTED`,
        `${at}: ${why}: check ${section} in the configuration: address, ssl_verify, client certificate`,
      );
    throw new OpsError('transient', `${code}_UNREACHABLE`, `${at} does not answer: ${why}`);
  }
}

const untrusted = (error: unknown): boolean =>
  error instanceof Error && /CERT|_SSL_|_TLS_|SIGNATURE|EPROTO/.test((error as NodeJS.ErrnoException).code ?? '');

function exchange(service: Service, { method, url, headers, body }: Question, signal: AbortSignal): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const options = {
    method,
    signal,
    agent: agentFor(service, url),
    headers: {
      Accept: 'application/json',
      ...(text !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
      ...headers,
    },
  };
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? https(url, { ...options, ...service.tls }) : http(url, options);
    request.once('error', reject);
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > mostBytes) response.destroy(answerInvalid(service, url, `more than ${mostBytes} bytes`));
      });
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    request.end(text);
  });
}

function agentFor({ proxy }: Service, { protocol }: URL): HttpAgent | false {
  if (proxy === undefined) return false;
  const proxyEnv = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy };
  return protocol === 'https:' ? new HttpsAgent({ proxyEnv }) : new HttpAgent({ proxyEnv });
}

/** The error of an answer that is not what the API's documentation says. */
export const answerInvalid = ({ name, code }: Service, url: URL, what: string) =>
  new OpsError('failed', `${code}_ANSWER_INVALID`, `${name} at ${url.origin} answers ${url.pathname} with ${what}`);

/** What a service said, in one line. */
export const said = ({ text }: Answer): string => text.replace(/\s+/g, ' ').trim().slice(0, 500) || 'nothing';

/**
 * Certificates for TLS: which authorities are trusted, and what is shown.
 * @param verify `true` for the system's authorities, a file of them, or `false` to trust everybody
 * @throws CODE_CONFIG_UNREADABLE
 */
export async function certificates(
  { code, section }: Pick<Service, 'code' | 'section'>,
  { verify, cert, key }: { verify: boolean | string; cert?: string | undefined; key?: string | undefined },
): Promise<NonNullable<Service['tls']>> {
  const unreadable = (field: string, why: string) =>
    new OpsError('usage', `${code}_CONFIG_UNREADABLE`, `${section}.${field}: ${why}`);
  const read = (field: string, path: string) =>
    readFile(path).catch((error: unknown) => {
      throw unreadable(field, `cannot be read: ${messageOf(error)}`);
    });
  if ((cert === undefined) !== (key === undefined))
    throw unreadable(
      cert === undefined ? 'ssl_client_cert' : 'ssl_client_key',
      'set both, the certificate and the key',
    );
  return {
    ...(typeof verify === 'string' && { ca: await read('ssl_verify', verify) }),
    ...(verify === true && { ca: [...getCACertificates('default'), ...getCACertificates('system')] }),
    ...(verify === false && { rejectUnauthorized: false }),
    ...(cert !== undefined && { cert: await read('ssl_client_cert', cert) }),
    ...(key !== undefined && { key: await read('ssl_client_key', key) }),
  };
}
