import { isOpsError } from '../model/errors.ts';
import type { Access } from '../remote/target.ts';
import type { Remote } from '../remote/remote.ts';

/** The operating system that runs on a host. */
export interface RunningSystem {
  /** Another one with each boot (random(4), `boot_id`). */
  bootId: string;
  /** `VERSION_CODENAME` of os-release(5), else its `ID`. */
  os: string;
  /** An installer's own small system, not one that stays. */
  installer: boolean;
}

/** What a look at a host showed: its system, or why there is none to be seen. */
export type Sight = { system: RunningSystem } | { absent: string };

/** Errors of a host that is off, on its way, or not (yet) the one we know. */
const absence = [
  'UNREACHABLE',
  'CONNECTION_LOST',
  'HANDSHAKE_FAILED',
  'HOST_KEY_UNKNOWN',
  'HOST_KEY_MISMATCH',
  'NO_KEY_ACCEPTED',
  'NOT_STARTED',
  'COMMAND_FAILED',
];

const script =
  'read -r boot </proc/sys/kernel/random/boot_id && . /etc/os-release && echo "boot=$boot id=$ID codename=$VERSION_CODENAME"';

/**
 * Looks which system answers on a host.
 * @param access as which of the two: the host we know, or an installer on it
 */
export async function lookAt(remote: Remote, host: string, access: Access, signal: AbortSignal): Promise<Sight> {
  try {
    return { system: parseSystem(await remote.text(host, script, { access, signal })) };
  } catch (error) {
    if (isOpsError(error) && absence.includes(error.code)) return { absent: error.message };
    throw error;
  }
}

/** Reads what {@link lookAt} has a host print. */
export function parseSystem(text: string): RunningSystem {
  const [, bootId, id, codename] = /^boot=(\S+) id=(\S*) codename=(\S*)$/m.exec(text) ?? [];
  if (bootId === undefined || id === undefined) throw new Error(`unexpected: ${text.slice(0, 200)}`);
  return { bootId, os: codename || id, installer: id.includes('installer') };
}
