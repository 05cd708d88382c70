import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { OpsError, messageOf } from '../model/errors.ts';
import { type Expected, objection } from './host-key-objection.ts';
import {
  type KnownHosts,
  type KnownKey,
  fingerprint,
  keyType,
  keysOf,
  knownName,
  parseKnownHosts,
} from './known-hosts.ts';
import type { StrictHostKeyChecking } from './ssh-options.ts';

/** Whose key is looked for, and where. */
export interface KeyOwner {
  /** The operator's name of the host. */
  host: string;
  /** Name or address under which known_hosts files list it, without port. */
  keyName: string;
  port: number;
  /** Is looked for instead, whatever the port: HostKeyAlias. */
  alias: string | undefined;
  /** Files in known_hosts format. */
  knownHosts: readonly string[];
  /** File of public keys that are never accepted, one a line. */
  revoked: string | undefined;
  strict: StrictHostKeyChecking;
  /** Whether keys that runs have proven count, and win; they are kept by the operator's name. */
  proven: boolean;
}

/** Whether a key is accepted: why it is not, or what is to be said of one accepted without proof. */
export interface Verdict {
  objection?: OpsError;
  warning?: string;
}

/** Host keys that connections are checked against: known_hosts files, and those that runs have proven. */
export class HostKeys {
  readonly #dir: string;
  readonly #files = new Map<string, { stamp: string; content: KnownHosts }>();

  /** @param dir holds one file per host whose key a run has proven; it wins over every known_hosts file */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** The file with the proven keys of a host. */
  fileOf(host: string): string {
    return join(this.#dir, encodeURIComponent(host));
  }

  /**
   * Takes keys as those of a host from now on, after a run has proven them.
   * @param keys lines `TYPE BASE64`, as in /etc/ssh/ssh_host_*_key.pub
   * @throws HOST_KEY_INVALID
   */
  pin(host: string, keys: readonly string[]): void {
    const lines = keys.map((key) => `${host} ${key.trim()}\n`).join('');
    if (keys.length === 0 || parseKnownHosts(lines, '').keys.length !== keys.length)
      throw new OpsError('failed', 'HOST_KEY_INVALID', `${host}: '${keys.join(', ')}' is not a list of public keys`);
    mkdirSync(this.#dir, { recursive: true, mode: 0o755 });
    const file = this.fileOf(host);
    const fresh = `${file}.${process.pid}.new`;
    writeFileSync(fresh, lines, { flush: true });
    renameSync(fresh, file);
  }

  /** Forgets what {@link pin} took, so that the known_hosts files count again. */
  unpin(host: string): void {
    rmSync(this.fileOf(host), { force: true });
  }

  /** The proven keys of a host as lines `TYPE BASE64`, to be put back by {@link pin}. */
  pinned(host: string): string[] {
    return this.#read(this.fileOf(host)).keys.map(({ type, key }) => `${type} ${key.toString('base64')}`);
  }

  /** Whether any key of the host is known. */
  knows(owner: KeyOwner): boolean {
    return this.#expected(owner).keys.length > 0;
  }

  /** Types of the keys known of a host, for the order in which they are asked for. */
  types(owner: KeyOwner): string[] {
    return [...new Set(this.#expected(owner).keys.map(({ type }) => type))];
  }

  /** Changes when a file does from which the host's keys come. */
  stamp(owner: KeyOwner): string {
    const { host, proven, knownHosts, revoked } = owner;
    return [proven ? this.fileOf(host) : '', ...knownHosts, revoked ?? '', this.#accepted].map(stampOf).join();
  }

  /**
   * Judges a key that a host has shown, and notes a new one where new ones are accepted.
   * Codes: HOST_KEY_UNKNOWN, HOST_KEY_MISMATCH, HOST_KEY_REVOKED.
   * @throws KNOWN_HOSTS_UNREADABLE
   */
  judge(owner: KeyOwner, key: Buffer): Verdict {
    const expected = this.#expected(owner);
    const name = this.#name(owner);
    const listIt = `${owner.knownHosts[0] ?? 'a file listed under ssh.known_hosts'} as '${name}'`;
    const refused = objection(owner.host, key, expected, this.fileOf(owner.host), listIt);
    if (!refused) return {};
    const bare = ['HOST_KEY_UNKNOWN', 'HOST_KEY_MISMATCH'].includes(refused.code);
    if (owner.strict === 'no' && bare)
      return { warning: `${refused.message}; accepted all the same: StrictHostKeyChecking is no` };
    if (owner.strict !== 'accept-new' || refused.code !== 'HOST_KEY_UNKNOWN' || expected.authority)
      return { objection: refused };
    const line = `${keyType(key)} ${key.toString('base64')}`;
    mkdirSync(dirname(this.#accepted), { recursive: true, mode: 0o755 });
    appendFileSync(this.#accepted, `${name} ${line}\n`);
    return {
      warning: `${owner.host} shows the host key ${keyType(key)} ${fingerprint(key)}, which nobody knew: accepted, as StrictHostKeyChecking is accept-new, and noted in ${this.#accepted}`,
    };
  }

  #expected(owner: KeyOwner): Expected {
    const found = this.#find(owner);
    // As ssh(1) does: keys listed without a port also count for another one, when there are none for it.
    if (found.keys.length > 0 || owner.port === 22 || owner.alias !== undefined) return found;
    const plain = this.#find({ ...owner, port: 22 });
    return { ...plain, revoked: [...found.revoked, ...plain.revoked], authority: found.authority ?? plain.authority };
  }

  #find(owner: KeyOwner): Expected {
    const { host, proven, knownHosts, strict, revoked } = owner;
    const pinned = proven ? keysOf(this.#read(this.fileOf(host)), host.toLowerCase()) : [];
    const files = strict === 'accept-new' ? [...knownHosts, this.#accepted] : knownHosts;
    const listed = files.flatMap((file) => keysOf(this.#read(file), this.#name(owner)));
    const marked = (marker: KnownKey['marker']) => listed.filter((key) => key.marker === marker);
    return {
      keys: pinned.length > 0 ? pinned : marked(undefined),
      revoked: [...marked('revoked'), ...(revoked === undefined ? [] : this.#revokedBy(revoked))],
      authority: marked('cert-authority')[0],
    };
  }

  /** Keys of a RevokedHostKeys file: as ssh(1) does, no host is trusted when it cannot be read. */
  #revokedBy(file: string): KnownKey[] {
    const text = readText(file);
    const lines = text.split('\n').map((line) => line.trim());
    const listed = lines.map((line) => (line === '' || line.startsWith('#') ? '' : `* ${line}`));
    const { keys } = parseKnownHosts(listed.join('\n'), file);
    if (keys.length !== listed.filter((line) => line !== '').length)
      throw new OpsError(
        'usage',
        'KNOWN_HOSTS_UNREADABLE',
        `RevokedHostKeys ${file} holds more than public keys, one a line; revocation lists of ssh-keygen -k are not supported`,
      );
    return keys;
  }

  #name({ keyName, port, alias }: KeyOwner): string {
    return alias?.toLowerCase() ?? knownName(keyName, port);
  }

  /** Keys that were accepted as new; they count for hosts whose new keys are accepted. */
  get #accepted(): string {
    return `${this.#dir}.accepted`;
  }

  #read(file: string): KnownHosts {
    const stamp = stampOf(file);
    const kept = this.#files.get(file);
    if (kept?.stamp === stamp) return kept.content;
    const content = parseKnownHosts(stamp === '' ? '' : readText(file), file);
    this.#files.set(file, { stamp, content });
    return content;
  }
}

const stampOf = (file: string): string => {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat ? `${stat.ino}:${stat.mtimeNs}:${stat.size}` : '';
};

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    // A file that may revoke a key must not be passed over.
    throw new OpsError('usage', 'KNOWN_HOSTS_UNREADABLE', `known_hosts file ${file}: ${messageOf(error)}`);
  }
}
