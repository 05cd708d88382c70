import { setTimeout as sleep } from 'node:timers/promises';
import { type Proof, proofPath, proofToken, verifiedProof } from '../src/dhcp/proof.ts';
import { installServers } from '../src/dhcp/servers.ts';
import { OpsError } from '../src/model/errors.ts';
import { quote } from '../src/remote/journal.ts';
import { fingerprint } from '../src/remote/known-hosts.ts';
import { mostPerHost } from '../src/remote/output.ts';
import { lookAt, type RunningSystem, type Sight } from '../src/system/look.ts';
import { ipmi } from './ipmi.ts';
import { type Call, condition, converge, read } from './define.ts';

interface OfHost {
  /** Name of the host in the inventory. */
  host: string;
}
interface Since extends OfHost {
  /** Of what ran before; absent when nothing answered. */
  bootId?: string | undefined;
}

/** What runs on a host that is about to be installed. */
export type Found = Partial<RunningSystem> & {
  /** Why nothing is known of it. */
  absent?: string;
};
/** How far an installation is: the installer runs, or has left its proof and gone. */
export type InstallPhase = 'installer' | 'installed';

/** Looks at a host as we know it, and then whether an earlier installer is stuck on it. */
async function look(host: string, { deps, signal }: Call): Promise<Sight> {
  const sight = await lookAt(deps.remote, host, 'normal', signal);
  if ('system' in sight || !deps.config.installer_ssh) return sight;
  const installer = await lookAt(deps.remote, host, 'installer', signal);
  return 'system' in installer ? installer : sight;
}

/** This run's proof, from whichever install server has it. */
async function proofOf(host: string, { deps, run, signal }: Call): Promise<Proof | undefined> {
  const token = await proofToken(deps.config, run, host);
  const file = quote(proofPath(host));
  let unread: Error | undefined;
  for (const server of installServers(deps.config)) {
    try {
      const { capture } = await deps.remote.run(server, `[ ! -e ${file} ] || cat ${file}`, { signal });
      const proof = verifiedProof(capture.output(mostPerHost).text, token);
      if (proof) return proof;
    } catch (error) {
      unread = error as Error;
    }
  }
  if (unread !== undefined) throw unread;
  return undefined;
}

const notYet = (host: string, why: string) => new OpsError('not-yet', 'NOT_YET', why, { host });
const missing = (host: string, { deps }: Call) =>
  `${host} has left no proof of this run's installation on ${installServers(deps.config).join(', ')}`;
const printOf = ({ hostKey }: Proof) => fingerprint(Buffer.from(hostKey.split(' ')[1] ?? '', 'base64'));

const isNew = (sight: Sight, bootId: string | undefined): sight is { system: RunningSystem } =>
  'system' in sight && sight.system.bootId !== bootId;

/** A power cut that a BMC has promised takes a moment: the old system counts only when it is seen twice with this between. */
const settleMs = 10_000;

async function powerCycled({ host, bootId }: Since, call: Call): Promise<boolean> {
  for (let looks = 1; ; looks++) {
    const sight = await look(host, call);
    if ('system' in sight && bootId !== undefined) {
      if (sight.system.bootId !== bootId) return true;
      if (looks === 2) return false;
      await sleep(settleMs, undefined, { signal: call.signal });
      continue;
    }
    const { selector } = await ipmi['ipmi.bootOverride'].run({ host }, call);
    if (selector !== 'Force PXE') return true;
    const seen = 'absent' in sight ? sight.absent : `${host} runs ${sight.system.os}, and what ran before is not known`;
    throw notYet(host, `${seen}; its BMC still has '${selector}' for the next boot`);
  }
}

/** From one operating system of a host to the next, over the network. */
export const installer = {
  /**
   * Boot id and operating system of what runs on a host; why nothing is known of it when it does not answer to the third
   * attempt, as a host may be installed that is off or broken.
   */
  'installer.runningSystem': read(async ({ host }: OfHost, call): Promise<Found> => {
    const sight = await look(host, call);
    if ('system' in sight) return sight.system;
    if (call.attempt < 3) throw new OpsError('transient', 'UNREACHABLE', sight.absent, { host });
    return sight;
  }),

  /**
   * Whether a power cycle to the installer took place; holds as soon as that can be told: another system answers, or the
   * boot override is consumed; or the old system still does.
   */
  'installer.powerCycled': condition(powerCycled),

  /**
   * Holds when an installer that was not there before answers, or has left this run's proof and gone.
   * Throws BOOTED_FROM_DISK, for then no installer will come.
   */
  'installer.reached': condition(async ({ host, bootId }: Since, call): Promise<InstallPhase> => {
    const [sight, own] = await Promise.all([
      lookAt(call.deps.remote, host, 'installer', call.signal),
      lookAt(call.deps.remote, host, 'normal', call.signal),
    ]);
    if (isNew(sight, bootId) && sight.system.installer) return 'installer';
    if (await proofOf(host, call)) return 'installed';
    if (bootId !== undefined && isNew(own, bootId) && !own.system.installer)
      throw new OpsError(
        'failed',
        'BOOTED_FROM_DISK',
        `${host} has booted ${own.system.os} from its disk: the network had no installer for it, or its BMC forgot to ask there`,
        { host },
      );
    const seen = 'absent' in sight ? sight.absent : `${host} runs ${sight.system.os} as before`;
    throw notYet(host, `${seen}; ${missing(host, call)}`);
  }),

  /** Holds when the installer has proven that it wrote this operating system for this run. Throws INSTALLED_OS_WRONG. */
  'installer.finished': condition(async ({ host, os }: OfHost & { os: string }, call) => {
    const proof = await proofOf(host, call);
    if (!proof) throw notYet(host, missing(host, call));
    if (proof.os !== os)
      throw new OpsError('failed', 'INSTALLED_OS_WRONG', `${host}: the installer wrote '${proof.os}' and not '${os}'`);
    return { os: proof.os, fingerprint: printOf(proof) };
  }),

  /** Host keys of a host that runs have proven so far, `TYPE BASE64` each. */
  'installer.provenHostKeys': read(async ({ host }: OfHost, call) => call.deps.remote.hostKeys.pinned(host)),

  /** Trusts the host key in this run's proof, and no other one, from now on. Throws PROOF_MISSING. */
  'installer.acceptHostKey': converge(async ({ host }: OfHost, call) => {
    const proof = await proofOf(host, call);
    if (!proof) throw new OpsError('failed', 'PROOF_MISSING', missing(host, call), { host });
    call.deps.remote.hostKeys.pin(host, [proof.hostKey]);
    call.deps.remote.forget(host);
    return { fingerprint: printOf(proof) };
  }),

  /** Trusts these host keys again instead of the one accepted meanwhile; none leaves it to the known_hosts files. */
  'installer.restoreHostKeys': converge(async ({ host, keys }: OfHost & { keys: readonly string[] }, call) => {
    const { hostKeys } = call.deps.remote;
    if (keys.length > 0) hostKeys.pin(host, keys);
    else hostKeys.unpin(host);
    call.deps.remote.forget(host);
  }),
};
