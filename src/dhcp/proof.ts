import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Config } from '../config/schema.ts';
import { OpsError, messageOf } from '../model/errors.ts';
import { shortName } from './snippet.ts';

/** What the installer leaves on the install server when the new system is on the disk. */
const Proof = z.object({
  /** The token of the boot it was started with. */
  token: z.string(),
  os: z.string(),
  /** Public key of the new system's sshd, `TYPE BASE64`. */
  hostKey: z.string().regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/]+=*$/),
});
export type Proof = z.infer<typeof Proof>;

/** Where an installer's proof lies on the install server. */
export const proofPath = (host: string): string => `/srv/autoinstall/proofs/${shortName(host)}.json`;

/**
 * The secret by which a run knows its own installation of a host again; never to be returned from an activity.
 * @throws PROOF_KEY_UNREADABLE
 */
export async function proofToken({ dhcp }: Config, run: string, host: string): Promise<string> {
  const file = dhcp?.proof_key_file;
  if (file === undefined)
    throw new OpsError('usage', 'DHCP_NOT_CONFIGURED', `no 'dhcp' in the configuration, needed to install ${host}`);
  let key: Buffer;
  try {
    key = await readFile(file);
  } catch (error) {
    throw new OpsError('usage', 'PROOF_KEY_UNREADABLE', `dhcp.proof_key_file ${file}: ${messageOf(error)}`);
  }
  if (key.length < 16)
    throw new OpsError(
      'usage',
      'PROOF_KEY_UNREADABLE',
      `dhcp.proof_key_file ${file} must hold at least 16 bytes, it has ${key.length}`,
    );
  return createHmac('sha256', key)
    .update(JSON.stringify([run, host]))
    .digest('hex');
}

/** The proof in a file's text, when it carries this token; nothing when it is not of this run, or no proof at all. */
export function verifiedProof(text: string, token: string): Proof | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined; // half written, or not ours: the next look decides
  }
  const { data } = Proof.safeParse(json);
  return data && sameSecret(data.token, token) ? data : undefined;
}

const digest = (text: string) => createHash('sha256').update(text).digest();
const sameSecret = (one: string, other: string) => timingSafeEqual(digest(one), digest(other));
