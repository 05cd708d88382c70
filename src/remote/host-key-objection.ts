import { OpsError } from '../model/errors.ts';
import { type KnownKey, fingerprint, keyType } from './known-hosts.ts';

/** What is known of a host's keys. */
export interface Expected {
  keys: KnownKey[];
  revoked: KnownKey[];
  /** A line that trusts a certificate authority for the host. */
  authority: KnownKey | undefined;
}

/**
 * Why a key that a host has shown is not accepted; nothing when it is.
 * Codes: HOST_KEY_UNKNOWN, HOST_KEY_MISMATCH, HOST_KEY_REVOKED, KNOWN_HOSTS_UNREADABLE.
 * @param proven file of the keys that runs have proven
 * @param listIt how a new key is to be listed: `FILE as 'NAME'`
 */
export function objection(
  host: string,
  key: Buffer,
  { keys, revoked, authority }: Expected,
  proven: string,
  listIt: string,
): OpsError | undefined {
  const shows = `${host} shows the host key ${keyType(key)} ${fingerprint(key)}`;
  const facts = { host, fingerprint: fingerprint(key) };
  const unreadable = revoked.find((known) => known.unreadable);
  if (unreadable)
    return new OpsError(
      'usage',
      'KNOWN_HOSTS_UNREADABLE',
      `known_hosts file ${unreadable.file} line ${unreadable.line} cannot be read and may revoke the key of ${host}: mend it`,
      { ...facts, file: unreadable.file, line: unreadable.line },
    );
  const barred = revoked.find((known) => known.key.equals(key));
  if (barred)
    return new OpsError(
      'failed',
      'HOST_KEY_REVOKED',
      `${shows}, which ${barred.file} line ${barred.line} revokes`,
      facts,
    );
  if (keys.some((known) => known.key.equals(key))) return undefined;
  const [expected] = [...keys].sort((a, b) => Number(b.type === keyType(key)) - Number(a.type === keyType(key)));
  if (expected) {
    const way = expected.file === proven ? 'remove that file and list the key' : 'replace that line';
    return new OpsError(
      'failed',
      'HOST_KEY_MISMATCH',
      `${shows}, but ${expected.file} line ${expected.line} expects ${expected.type} ${fingerprint(expected.key)}: ` +
        `if it was re-installed and this is its new key, ${way}; otherwise it is not the host it should be`,
      { ...facts, file: expected.file, line: expected.line },
    );
  }
  if (authority)
    return new OpsError(
      'failed',
      'HOST_KEY_UNKNOWN',
      `${shows}, and no key of it is known: ${authority.file} line ${authority.line} trusts a certificate authority for it, ` +
        'but host certificates are not supported: list the key itself',
      { ...facts, file: authority.file, line: authority.line },
    );
  return new OpsError(
    'failed',
    'HOST_KEY_UNKNOWN',
    `${shows}, and no key of it is known: check it on the host's console and add it to ${listIt}`,
    facts,
  );
}
