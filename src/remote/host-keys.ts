import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OpsError, messageOf } from '../model/errors.ts';
import {
  type KnownHosts,
  type KnownKey,
  fingerprint,
  keyType,
  keysOf,
  knownName,
  parseKnownHosts,
} from './known-hosts.ts';

/** Whose key is looked for, and where. */
export interface KeyOwner {
  /** The operator's name of the host. */
  host: string;
  /** Names under which known_hosts files may list it, without port. */
  keyNames: readonly string[];
  port: number;
  /** Files in known_hosts format. */
  knownHosts: readonly string[];
  /** Whether keys that runs have proven count, and win. */
  proven: boolean;
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
    return this.#sources(owner).map(stampOf).join();
  }

  /**
   * Why a key that a host has shown is not accepted; nothing when it is.
   * Codes: HOST_KEY_UNKNOWN, HOST_KEY_MISMATCH, HOST_KEY_REVOKED.
   */
  objection(owner: KeyOwner, key: Buffer): OpsError | undefined {
    const { keys, revoked } = this.#expected(owner);
    const seen = `${keyType(key)} ${fingerprint(key)}`;
    const facts = { host: owner.host, fingerprint: fingerprint(key) };
    const barred = revoked.find((known) => known.key.equals(key));
    if (barred)
      return new OpsError(
        'failed',
        'HOST_KEY_REVOKED',
        `${owner.host} shows the host key ${seen}, which ${barred.file} line ${barred.line} revokes`,
        facts,
      );
    if (keys.some((known) => known.key.equals(key))) return undefined;
    const [expected] = [...keys].sort((a, b) => Number(b.type === keyType(key)) - Number(a.type === keyType(key)));
    const way =
      'if it was re-installed and this is its new key, ' +
      (expected?.file === this.fileOf(owner.host) ? 'remove that file and list the key' : 'replace that line');
    if (expected)
      return new OpsError(
        'failed',
        'HOST_KEY_MISMATCH',
        `${owner.host} shows the host key ${seen}, but ${expected.file} line ${expected.line} expects ` +
          `${expected.type} ${fingerprint(expected.key)}: ${way}; otherwise it is not the host it should be`,
        { ...facts, file: expected.file, line: expected.line },
      );
    return new OpsError(
      'failed',
      'HOST_KEY_UNKNOWN',
      `${owner.host} shows the host key ${seen}, and no key of it is known: check it on the host's console and add it to ` +
        `${owner.knownHosts[0] ?? 'a file listed under ssh.known_hosts'} as '${this.#names(owner)[0] ?? owner.host}'`,
      facts,
    );
  }

  #expected(owner: KeyOwner): { keys: KnownKey[]; revoked: KnownKey[] } {
    const found = this.#find(owner);
    // As ssh(1) does: keys listed without a port also count for another one, when there are none for it.
    return found.keys.length > 0 || owner.port === 22 ? found : this.#find({ ...owner, port: 22 });
  }

  #find(owner: KeyOwner): { keys: KnownKey[]; revoked: KnownKey[] } {
    const all = this.#sources(owner).map((file) => keysOf(this.#read(file), this.#names(owner)));
    const revoked = all.flat().filter(({ marker }) => marker === 'revoked');
    const [proven = [], ...listed] = all.map((keys) => keys.filter(({ marker }) => marker === undefined));
    return { keys: owner.proven && proven.length > 0 ? proven : [...proven, ...listed.flat()], revoked };
  }

  #names({ host, keyNames, port, proven }: KeyOwner): string[] {
    return [...keyNames.map((name) => knownName(name, port)), ...(proven ? [host.toLowerCase()] : [])];
  }

  #sources({ host, knownHosts, proven }: KeyOwner): string[] {
    return [...(proven ? [this.fileOf(host)] : []), ...knownHosts];
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
