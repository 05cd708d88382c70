import { readFileSync } from 'node:fs';
import type { AnyAuthMethod, ParsedKey } from 'ssh2';
import keyParser from 'ssh2/lib/protocol/keyParser.js';
import { messageOf } from '../model/errors.ts';
import { SomeKeys } from './agent.ts';

/** What a host is offered. */
export interface Identities {
  user: string;
  /** Private keys, or public keys whose private half the agent holds; in order. */
  identityFiles: readonly string[];
  /** Only these, none of the agent's others. */
  identitiesOnly: boolean;
  /** Socket of the agent. */
  agent: string | undefined;
  /** Named in the configuration, and not used. */
  certificateFiles: readonly string[];
}

/** What is offered to a host, in order, and what became of it for the error message. */
export interface Offers {
  next: () => AnyAuthMethod | false;
  /** For example `/root/.ssh/id_ed25519, agent /run/agent (2 keys)`. */
  tried: () => string;
  agentFailed: (error: Error) => void;
}

interface Identity {
  /** Of an identity file, to be used as it is. */
  private?: ParsedKey;
  /** What the agent is asked for. */
  public?: Buffer;
  /** Why it cannot be used without the agent. */
  why?: string;
}

const parsed = new Map<string, { text: string; identity: Identity }>();

function load(file: string): Identity {
  const { text, why } = read(file);
  const kept = parsed.get(file);
  if (kept && text !== undefined && kept.text === text) return kept.identity;
  const found: unknown = text === undefined ? new Error(why) : keyParser.parseKey(text);
  const key = Array.isArray(found) ? (found[0] as ParsedKey) : (found as ParsedKey | Error);
  const identity =
    key instanceof Error
      ? locked(file, key, text)
      : key.isPrivateKey()
        ? { private: key, public: key.getPublicSSH() }
        : { public: key.getPublicSSH(), why: 'a public key' };
  if (text !== undefined) parsed.set(file, { text, identity });
  return identity;
}

// What is public of it tells which key of the agent is meant.
function locked(file: string, error: Error, text: string | undefined): Identity {
  const why = /encrypted/i.test(error.message) ? 'has a passphrase: put the key into the agent' : error.message;
  const beside: unknown = keyParser.parseKey(read(`${file}.pub`).text ?? '');
  const key = Array.isArray(beside) ? (beside[0] as ParsedKey) : (beside as ParsedKey | Error);
  const found = key instanceof Error ? publicPart(text ?? '') : key.getPublicSSH();
  return { why, ...(found && { public: found }) };
}

/** The public key that a locked private one in OpenSSH's format tells: after the cipher, its key derivation and their number. */
function publicPart(text: string): Buffer | undefined {
  const [, base64] = /^-----BEGIN OPENSSH PRIVATE KEY-----\s([\s\S]*?)-----END/m.exec(text) ?? [];
  const bytes = Buffer.from(base64 ?? '', 'base64');
  const field = (at: number): number => (at + 4 <= bytes.length ? at + 4 + bytes.readUInt32BE(at) : bytes.length);
  const start = field(field(field('openssh-key-v1\0'.length))) + 4;
  return start < bytes.length ? bytes.subarray(start + 4, field(start)) : undefined;
}

function read(file: string): { text?: string; why?: string } {
  try {
    return { text: readFileSync(file, 'utf8') };
  } catch (error) {
    return { why: (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'missing' : messageOf(error) };
  }
}

/** Identity files first, then the agent's other keys: the order in which a host is asked to accept them. */
export function offers({ user, identityFiles, identitiesOnly, agent, certificateFiles }: Identities): Offers {
  const tried = certificateFiles.map((file) => `${file} (certificates are not supported)`);
  const offered: Buffer[] = [];
  const queue = [...new Set(identityFiles)].map((file) => (): AnyAuthMethod | undefined => {
    const identity = load(file);
    const at = tried.push(identity.why === undefined ? file : `${file} (${identity.why})`) - 1;
    if (identity.public) offered.push(identity.public);
    if (identity.private) return { type: 'publickey', username: user, key: identity.private };
    const wanted = identity.public;
    if (!wanted || agent === undefined) return undefined;
    const keys = new SomeKeys(
      agent,
      (key) => key.equals(wanted),
      (count) => {
        tried[at] =
          count > 0 ? `${file} (by the agent)` : `${file} (${identity.why ?? ''}: the agent does not hold it)`;
      },
    );
    return { type: 'agent', username: user, agent: keys };
  });
  if (agent !== undefined && !identitiesOnly)
    queue.push(() => {
      const at = tried.push(`agent ${agent}`) - 1;
      const others = (key: Buffer) => !offered.some((each) => each.equals(key));
      const keys = new SomeKeys(agent, others, (count) => {
        tried[at] = `agent ${agent} (${count} ${offered.length > 0 ? 'other ' : ''}keys)`;
      });
      return { type: 'agent', username: user, agent: keys };
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
