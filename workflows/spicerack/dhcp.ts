import { call } from '../engine/call.ts';
import { withLock } from './lock.ts';

/** Runs one after the other what changes the install servers of a datacenter. */
const oneWriter = <T>(datacenter: string, ttlSeconds: number, body: () => Promise<T>): Promise<T> =>
  withLock('modules', [`spicerack.dhcp.DHCP:${datacenter}`], { concurrency: 1, ttlSeconds }, body);

/** The install servers of a datacenter (Spicerack's `dhcp`). */
export class Dhcp {
  readonly datacenter: string;

  constructor(datacenter: string) {
    this.datacenter = datacenter;
  }

  /**
   * Makes a host that boots from the network start the installer of an operating system, for this run.
   * @param os codename, for example `trixie`
   * @throws DHCP_REFRESH_FAILED after taking the snippet away again
   */
  pushConfiguration(host: string, os: string): Promise<void> {
    return oneWriter(this.datacenter, 120, () => call('dhcp.pushSnippet', { host, os }));
  }

  /**
   * Takes the host's snippet away, if it is this run's.
   * @throws DHCP_SNIPPET_FOREIGN when another run wrote it or somebody changed it, DHCP_REFRESH_FAILED
   */
  removeConfiguration(host: string, os: string): Promise<void> {
    return oneWriter(this.datacenter, 60, () => call('dhcp.removeSnippet', { host, os }));
  }
}
