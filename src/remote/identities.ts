import { readFileSync } from 'node:fs';
import ssh2, { type AnyAuthMethod, type ParsedKey } from 'ssh2';
import { messageOf } from '../model/errors.ts';

/** What is offered to a host, in order, and what became of it for the error message. */
export interface Offers {
  next: () => AnyAuthMethod | false;
  /** For example `/root/.ssh/id_ed25519, agent (2 keys)`. */
  tried: () => string;
  agentFailed: (error: Error) => void;
}

const parsed = new Map<string, { text: string; key: ParsedKey | string }>();

/** Key of a file, or why it cannot be used. */
function load(file: string): ParsedKey | string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'missing' : messageOf(error);
  }
  const kept = parsed.get(file);
  if (kept?.text === text) return kept.key;
  const found: unknown = ssh2.utils.parseKey(text);
  const key = Array.isArray(found) ? (found[0] as ParsedKey) : (found as ParsedKey | Error);
  const usable = key instanceof Error ? why(key) : key.isPrivateKey() ? key : 'not a private key';
  parsed.set(file, { text, key: usable });
  return usable;
}

const why = (error: Error) =>
  /encrypted/i.test(error.message) ? 'has a passphrase: put the key into the agent' : error.message;

/** Identity files first, then the agent's keys: the order in which a host is asked to accept them. */
export function offers(user: string, files: readonly string[], agent: string | undefined): Offers {
  const tried: string[] = [];
  const queue: (() => AnyAuthMethod | undefined)[] = [...new Set(files)].map((file) => () => {
    const key = load(file);
    tried.push(typeof key === 'string' ? `${file} (${key})` : file);
    return typeof key === 'string' ? undefined : ({ type: 'publickey', username: user, key } as const);
  });
  if (agent !== undefined && agent !== '')
    queue.push(() => {
      tried.push(`agent ${agent}`);
      return { type: 'agent', username: user, agent } as const;
    });
  return {
    next: () => {
      for (let make = queue.shift(); make; make = queue.shift()) {
        const method = make();
        if (method) return method;
      }
      return false;
    },
    tried: () => (tried.length > 0 ? tried.join(', ') : 'none: no identity file and no agent is configured'),
    agentFailed: (error) => void tried.push(`(${error.message})`),
  };
}
