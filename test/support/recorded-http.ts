import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';

/** One question that a real service has answered. */
interface Question {
  method: string;
  path: string;
  /** What the login with this alias gave. */
  token?: string;
  body?: unknown;
}
interface Exchange extends Question {
  status: number;
  /** The alias of what this login gave. */
  gave?: string;
  answer: unknown;
}

/** A server that answers as a real one did, or that stands before it and writes down what it answers. */
export interface RecordedHttp {
  origin: string;
  /** Ends it; writes the file if it stood before a real one. */
  stop(): Promise<void>;
}

const here = 'http://recorded.invalid';
const keyOf = ({ method, path, token, body }: Question) => JSON.stringify([method, path, token, body]);
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/**
 * @param file JSON of the exchanges
 * @param real addresses of the real services by the beginning of their paths, when answers are to be written down anew
 */
export async function startRecorded(file: string, real?: Record<string, string>): Promise<RecordedHttp> {
  const known = new Map<string, Exchange>();
  if (!real) for (const one of JSON.parse(readFileSync(file, 'utf8')) as Exchange[]) known.set(keyOf(one), one);
  const tokens = new Map<string, { alias: string; value: string }>();
  let origin = '';

  async function fromReal(question: Question, request: IncomingMessage, text: string): Promise<Exchange> {
    const [, service = ''] = Object.entries(real ?? {}).find(([prefix]) => question.path.startsWith(prefix)) ?? [];
    const value = [...tokens.values()].find(({ alias }) => alias === question.token)?.value;
    const response = await fetch(service + question.path, {
      method: question.method,
      headers: {
        ...(text !== '' && { 'Content-Type': request.headers['content-type'] ?? '' }),
        ...(value !== undefined && { 'X-Auth-Token': value }),
      },
      ...(text !== '' && { body: text }),
    });
    let answer = await response.text();
    for (const address of Object.values(real ?? {})) answer = answer.replaceAll(address, here);
    const given = response.headers.get('x-subject-token');
    if (given !== null) {
      const alias = tokens.get(text)?.alias ?? `token ${tokens.size + 1}`;
      tokens.set(text, { alias, value: given });
      return { ...question, status: response.status, gave: alias, answer: parsed(answer) };
    }
    return { ...question, status: response.status, answer: parsed(answer) };
  }

  async function answerTo(request: IncomingMessage): Promise<Exchange> {
    const { method = '', url: path = '', headers } = request;
    const text = await textOf(request);
    const token = headers['x-auth-token'];
    const question: Question = {
      ...{ method, path },
      ...(typeof token === 'string' && { token }),
      ...(text !== '' && { body: parsed(text) }),
    };
    if (real) {
      const exchange = await fromReal(question, request, text);
      known.set(keyOf(question), exchange);
      return exchange;
    }
    return known.get(keyOf(question)) ?? { ...question, status: 501, answer: `not recorded: ${keyOf(question)}` };
  }

  const server = createServer((request, response) => {
    void answerTo(request).then(({ status, gave, answer }) => {
      const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
      response.writeHead(status, {
        'Content-Type': 'application/json',
        ...(gave !== undefined && { 'X-Subject-Token': gave }),
      });
      response.end(text.replaceAll(here, origin));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
      const lines = [...known.values()].map((exchange) => JSON.stringify(exchange));
      if (real) writeFileSync(file, `[\n${lines.join(',\n')}\n]\n`);
    },
  };
}
