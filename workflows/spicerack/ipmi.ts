import type { BootOverride, PowerStatus } from '../../src/ipmi/parse.ts';
import { call } from '../engine/call.ts';

/** The BMC of one host (Spicerack's `ipmi`). */
export class Ipmi {
  readonly host: string;

  /** @param host its name in the inventory */
  constructor(host: string) {
    this.host = host;
  }

  /** Whether the chassis is on or off. @throws BMC_UNREACHABLE */
  powerStatus(): Promise<PowerStatus> {
    return call('ipmi.powerStatus', { host: this.host });
  }

  /** Passes when the BMC answers and takes the configured password. @throws BMC_UNREACHABLE */
  checkConnection(): Promise<void> {
    return call('ipmi.checkConnection', { host: this.host });
  }

  /** What the next boot starts from. @throws BMC_UNREACHABLE */
  bootOverride(): Promise<BootOverride> {
    return call('ipmi.bootOverride', { host: this.host });
  }

  /** Passes when nothing overrides the next boot. @throws BOOT_PARAMETERS_UNEXPECTED, BMC_UNREACHABLE */
  checkBootparams(): Promise<void> {
    return call('ipmi.checkBootparams', { host: this.host });
  }

  /** Makes the next boot, and only that, start from the network; verified. @throws BOOT_OVERRIDE_NOT_SET, BMC_UNREACHABLE */
  forcePxe(): Promise<void> {
    return call('ipmi.forcePxe', { host: this.host });
  }

  /** Makes the next boot start from what the firmware is set to; verified. @throws BOOT_OVERRIDE_NOT_SET, BMC_UNREACHABLE */
  removeBootOverride(): Promise<void> {
    return call('ipmi.removeBootOverride', { host: this.host });
  }

  /**
   * Power-cycles a machine that is on, switches on one that is off: one command, sent once.
   * @param status what {@link powerStatus} told in an earlier step
   * @throws UnknownOutcome when the BMC did not answer the command; POWER_REFUSED, POWER_NOT_SENT
   */
  reboot(status: PowerStatus): Promise<void> {
    return call('ipmi.powerCycle', { host: this.host, action: status === 'on' ? 'cycle' : 'on' });
  }
}
