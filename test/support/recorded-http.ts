import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that a real service has answered. */
interface Exchange {
  method: string;
  path: string;
  body?: unknown;
  status: number;
  headers?: Record<string, string>;
  answer: unknown;
}

/** A server that answers as a real one did, or that stands before it and writes down what it answers. */
export interface RecordedHttp {
  origin: string;
  /** Requests that came, newest last. */
  readonly requests: Pick<Exchange, 'method' | 'path' | 'body'>[];
  stop(): Promise<void>;
}

interface Options {
  /** JSON file of the exchanges. */
  file: string;
  /** Address of the real service, when its answers are to be written down anew. */
  real?: string | undefined;
  /** Headers of answers that count. */
  headers?: readonly string[];
  /** Takes out of the text of requests and answers what differs from time to time. */
  clean?: (text: string) => string;
}

const keyOf = ({ method, path, body }: Pick<Exchange, 'method' | 'path' | 'body'>) =>
  JSON.stringify([method, path, body]);
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

export async function startRecorded({
  file,
  real,
  headers = [],
  clean = (text) => text,
}: Options): Promise<RecordedHttp> {
  const known = new Map<string, Exchange>();
  if (real === undefined)
    for (const exchange of JSON.parse(readFileSync(file, 'utf8')) as Exchange[]) known.set(keyOf(exchange), exchange);
  const requests: RecordedHttp['requests'] = [];

  const fresh = async (method: string, path: string, text: string, sent: Record<string, string>): Promise<Exchange> => {
    const response = await fetch(`${real}${path}`, { method, headers: sent, ...(text !== '' && { body: text }) });
    const kept = headers.flatMap((name) => {
      const value = response.headers.get(name);
      return value === null ? [] : [[name, value] as const];
    });
    const answer = parsed(clean(await response.text()));
    const body = text === '' ? {} : { body: parsed(clean(text)) };
    return {
      ...{ method, path: clean(path), ...body, status: response.status },
      ...(kept.length > 0 && { headers: Object.fromEntries(kept) }),
      answer,
    };
  };

  const server = createServer((request, response) => {
    const { method = '', url: path = '' } = request;
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      const asked = { method, path: clean(path), ...(text !== '' && { body: parsed(clean(text)) }) };
      requests.push(asked);
      const sent = Object.entries(request.headersDistinct).flatMap(([name, [value = ''] = []]) =>
        ['content-type', 'x-auth-token', 'accept', 'openstack-api-version', 'x-openstack-nova-api-version'].includes(
          name,
        )
          ? [[name, value] as const]
          : [],
      );
      const found =
        real === undefined
          ? Promise.resolve(known.get(keyOf(asked)))
          : fresh(method, path, text, Object.fromEntries(sent));
      void found.then((exchange) => {
        if (exchange) known.set(keyOf(exchange), exchange);
        const {
          status,
          answer,
          headers: given = {},
        } = exchange ?? { status: 501, answer: `not recorded: ${keyOf(asked)}` };
        response.writeHead(status, { 'Content-Type': 'application/json', ...given });
        response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
      });
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
      if (real !== undefined) writeFileSync(file, `${JSON.stringify([...known.values()], null, 1)}\n`);
    },
  };
}
