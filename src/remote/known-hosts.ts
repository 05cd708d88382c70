import { createHash, createHmac } from 'node:crypto';

/** One key of a known_hosts file. */
export interface KnownKey {
  file: string;
  line: number;
  /** `@revoked` bars the key; `@cert-authority` vouches for certificates, which are not taken. */
  marker?: 'revoked' | 'cert-authority';
  /** A line with a marker that cannot be read: it may bar any key. */
  unreadable?: true;
  /** Comma list of patterns, or `|1|salt|hash`. */
  names: string;
  /** For example `ssh-ed25519`. */
  type: string;
  key: Buffer;
}

/** A known_hosts file, ready for look-ups. */
export interface KnownHosts {
  keys: KnownKey[];
  /** Those whose plain names can be looked up; the others are tried one by one. */
  byName: Map<string, KnownKey[]>;
  others: KnownKey[];
  /** Answers given before. */
  found: Map<string, KnownKey[]>;
}

/** A line of a known_hosts file as it stands there; what is missing is undefined. */
export interface KnownLine {
  line: number;
  /** With its `@`. */
  marker: string | undefined;
  names: string | undefined;
  type: string | undefined;
  /** In base64. */
  key: string | undefined;
}

/** The lines of a file in the format of sshd(8), SSH_KNOWN_HOSTS FILE FORMAT, but for comments and empty ones. */
export const knownLines = (text: string): KnownLine[] =>
  text.split('\n').flatMap((line, i) => {
    const fields = line.trim().split(/\s+/);
    if (fields[0] === '' || fields[0]?.startsWith('#')) return [];
    const marker = fields[0]?.startsWith('@') ? fields.shift() : undefined;
    const [names, type, key] = fields;
    return [{ line: i + 1, marker, names, type, key }];
  });

/** Reads a file in the format of sshd(8), SSH_KNOWN_HOSTS FILE FORMAT; lines without a marker that are none are left out. */
export function parseKnownHosts(text: string, file: string): KnownHosts {
  const keys = knownLines(text).flatMap((line) => keyOf(line, file));
  const byName = new Map<string, KnownKey[]>();
  const others: KnownKey[] = [];
  for (const key of keys)
    if (/[|*?!]/.test(key.names)) others.push(key);
    else
      for (const name of key.names.toLowerCase().split(',')) {
        const same = byName.get(name);
        if (same) same.push(key);
        else byName.set(name, [key]);
      }
  return { keys, byName, others, found: new Map() };
}

function keyOf({ line, marker: mark, names = '*', type, key: base64 }: KnownLine, file: string): KnownKey[] {
  const key = Buffer.from(base64 ?? '', 'base64');
  const marker = mark === '@cert-authority' ? 'cert-authority' : 'revoked';
  const marked = mark !== undefined;
  if (type !== undefined && key.length > 0 && keyType(key) === type && (!marked || mark === `@${marker}`))
    return [{ file, line, names, type, key, ...(marked && { marker }) }];
  if (!marked || mark === '@cert-authority') return [];
  return [{ file, line, names, type: '', key: Buffer.alloc(0), marker, unreadable: true }];
}

/** The type that a public key in SSH's wire format names itself. */
export function keyType(key: Buffer): string {
  const length = key.length < 4 ? 0 : key.readUInt32BE(0);
  return key.subarray(4, 4 + length).toString('latin1');
}

/** As `ssh-keygen -l` prints it. */
export const fingerprint = (key: Buffer): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;

/** How a host is named in known_hosts: `[host]:port` unless the port is 22. */
export const knownName = (host: string, port: number): string =>
  port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;

/** The keys a file lists for a name, as {@link knownName} gives it. */
export function keysOf({ byName, others, found }: KnownHosts, name: string): KnownKey[] {
  let keys = found.get(name);
  if (!keys) {
    keys = [...new Set([...(byName.get(name) ?? []), ...others.filter((key) => lists(key.names, name))])];
    // Hashed names cost a hash each: not for every connection.
    found.set(name, keys);
  }
  return keys;
}

function lists(names: string, name: string): boolean {
  if (names.startsWith('|')) {
    const [, version, salt, hash] = names.split('|');
    if (version !== '1' || salt === undefined) return false;
    return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
  }
  const patterns = names.toLowerCase().split(',');
  if (patterns.some((pattern) => pattern.startsWith('!') && glob(pattern.slice(1)).test(name))) return false;
  return patterns.some((pattern) => !pattern.startsWith('!') && glob(pattern).test(name));
}

/** A pattern of ssh_config(5): `*` any text, `?` one character. */
export const glob = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
