import type { Found, InstallPhase } from '../../activities/installer.ts';
import { call } from '../engine/call.ts';
import type { Before } from './host.ts';

/** A host from one operating system to the next, over the network. */
export class Installer {
  readonly host: string;
  readonly site: string | undefined;

  /**
   * @param host its name in the inventory
   * @param site network whose workers reach the host and its install servers; default the run's own
   */
  constructor(host: string, site?: string) {
    this.host = host;
    this.site = site;
  }

  /** Boot id and operating system of what runs now; neither when the host does not answer. */
  runningSystem(): Promise<Found> {
    return call('installer.runningSystem', { host: this.host }, { site: this.site });
  }

  /** Whether the host was power-cycled since; waits until that can be told. For the `probe` of that step. */
  powerCycledSince(before?: Before): Promise<boolean> {
    return call(
      'installer.powerCycled',
      { host: this.host, bootId: before?.bootId },
      { within: '10m', site: this.site },
    );
  }

  /** Condition: an installer that was not there before answers, or has done this run's work already. */
  reached(before?: Before): Promise<InstallPhase> {
    return call('installer.reached', { host: this.host, bootId: before?.bootId }, { site: this.site });
  }

  /** Condition: the installer has proven that it wrote this operating system for this run. @throws INSTALLED_OS_WRONG */
  finished(os: string): Promise<{ os: string; fingerprint: string }> {
    return call('installer.finished', { host: this.host, os }, { site: this.site });
  }

  /** The host's keys that runs have proven so far. */
  provenHostKeys(): Promise<string[]> {
    return call('installer.provenHostKeys', { host: this.host }, { site: this.site });
  }

  /** Trusts the new system's host key, on the installer's proof and nothing else. @throws PROOF_MISSING */
  acceptHostKey(): Promise<{ fingerprint: string }> {
    return call('installer.acceptHostKey', { host: this.host }, { site: this.site });
  }

  /** Trusts these keys again, as {@link provenHostKeys} told them before. */
  restoreHostKeys(keys: readonly string[]): Promise<void> {
    return call('installer.restoreHostKeys', { host: this.host, keys }, { site: this.site });
  }
}
