import type { AcceptedKey, InstallPhase, RunningSystem } from '../../activities/installer.ts';
import { call } from '../engine/call.ts';

/** A host from one operating system to the next, over the network. */
export class Installer {
  readonly host: string;

  /** @param host its name in the inventory */
  constructor(host: string) {
    this.host = host;
  }

  /** Boot id and operating system of what runs now; neither when the host cannot be reached as we know it. */
  runningSystem(): Promise<Partial<RunningSystem>> {
    return call('installer.runningSystem', { host: this.host });
  }

  /**
   * Tells whether a power cycle to the installer took place, once that can be told: the boot override is consumed, or the
   * old system still runs. For the `probe` of that step.
   * @param bootId of the old system, if it was known
   */
  powerCycled(bootId?: string): Promise<boolean> {
    return call(
      'installer.powerCycled',
      { host: this.host, ...(bootId !== undefined && { bootId }) },
      { within: '10m' },
    );
  }

  /** Condition: the installer of this run answers, or has done its work already. */
  reached(): Promise<InstallPhase> {
    return call('installer.reached', { host: this.host });
  }

  /** Condition: the installer proved that it wrote the operating system for this run. @throws INSTALLED_OS_WRONG */
  finished(os: string): Promise<{ fingerprint: string }> {
    return call('installer.finished', { host: this.host, os });
  }

  /** Trusts the new system's host key, on the installer's proof and nothing else. @throws PROOF_MISSING */
  acceptHostKey(): Promise<AcceptedKey> {
    return call('installer.acceptHostKey', { host: this.host });
  }

  /** Trusts again what was trusted before this run accepted a key. */
  restoreHostKey(): Promise<void> {
    return call('installer.restoreHostKey', { host: this.host });
  }

  /** Condition: a system that is not the installer answers with another boot id. */
  rebootedFrom(bootId?: string): Promise<RunningSystem> {
    return call('installer.rebootedFrom', { host: this.host, ...(bootId !== undefined && { bootId }) });
  }
}
