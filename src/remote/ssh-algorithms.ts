import type { CipherAlgorithm, KexAlgorithm, MacAlgorithm, ServerHostKeyAlgorithm } from 'ssh2';
import { createRequire } from 'node:module';
import type { Said, algorithmLists } from './ssh-config-file.ts';

/** Algorithms that a connection may use, in order of preference; those that the library prefers where there is no list. */
export interface Algorithms {
  kex?: KexAlgorithm[];
  cipher?: CipherAlgorithm[];
  hmac?: MacAlgorithm[];
  serverHostKey?: ServerHostKeyAlgorithm[];
}

const known: Record<(typeof algorithmLists)[number], [name: string, as: keyof Algorithms, list: string]> = {
  kexalgorithms: ['KexAlgorithms', 'kex', 'SUPPORTED_KEX'],
  ciphers: ['Ciphers', 'cipher', 'SUPPORTED_CIPHER'],
  macs: ['MACs', 'hmac', 'SUPPORTED_MAC'],
  hostkeyalgorithms: ['HostKeyAlgorithms', 'serverHostKey', 'SUPPORTED_SERVER_HOST_KEY'],
};
// What the library has on this machine; it has no other way to say so.
const supported = createRequire(import.meta.url)('ssh2/lib/protocol/constants.js') as Record<string, readonly string[]>;

/**
 * Of the configured algorithms those that the library has.
 * @throws Error when it has none of them
 */
export function algorithmsOf(said: Said, host: string): Algorithms | undefined {
  const found: Record<string, string[]> = {};
  for (const [keyword, [name, as, all]] of Object.entries(known)) {
    const [list] = said.get(keyword) ?? [];
    if (list === undefined) continue;
    const both = list.split(',').filter((algorithm) => supported[all]?.includes(algorithm));
    if (both.length === 0) throw new Error(`${name} ${list} (for host ${host}): none of them is supported here`);
    found[as] = both;
  }
  return Object.keys(found).length === 0 ? undefined : found;
}
