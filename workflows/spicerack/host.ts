import type { RunningSystem } from '../../src/system/look.ts';
import { call } from '../engine/call.ts';

/** What a boot is compared with. */
export interface Before {
  bootId?: string | undefined;
}

/** One host: the system it runs, and its reboots. */
export class Host {
  readonly name: string;
  readonly site: string | undefined;

  /**
   * @param name as for ssh
   * @param site network whose workers reach the host; default the run's own
   */
  constructor(name: string, site?: string) {
    this.name = name;
    this.site = site;
  }

  /** Boot id and operating system. @throws UNREACHABLE */
  running(): Promise<RunningSystem> {
    return call('system.running', { host: this.name }, { site: this.site });
  }

  /** Tells the host to reboot, once. @throws UnknownOutcome, REBOOT_REFUSED, UNREACHABLE */
  async reboot(): Promise<void> {
    // A host that is away for a moment is waited for here, and not by the command that may be sent only once.
    await this.running();
    await call('remote.reboot', { host: this.name }, { site: this.site });
  }

  /** Whether the host was rebooted since; waits until that can be told. For the `probe` of a reboot. */
  rebootedSince(before: { bootId: string }): Promise<boolean> {
    return call('system.rebooted', { host: this.name, bootId: before.bootId }, { within: '40m', site: this.site });
  }

  /** Condition: runs a system, no installer, with another boot id than before. */
  backFrom(before?: Before): Promise<RunningSystem> {
    return call('system.backFrom', { host: this.name, bootId: before?.bootId }, { site: this.site });
  }

  /** Condition: back with another boot id, and systemd has started everything. */
  healthyAfter(before?: Before): Promise<RunningSystem> {
    return call('system.healthyAfter', { host: this.name, bootId: before?.bootId }, { site: this.site });
  }

  /** Passes when the host runs this operating system. @throws OS_WRONG, UNREACHABLE */
  checkOs(os: string): Promise<void> {
    return call('system.checkOs', { host: this.name, os }, { site: this.site });
  }
}
