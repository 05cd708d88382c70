import { log, workflowInfo } from '@temporalio/workflow';
import { toMs, type Duration } from '../../src/model/duration.ts';
import { call } from '../engine/call.ts';

/** Alerts about one host (Spicerack's `alerting_hosts`). */
export class Alerts {
  readonly host: string;

  constructor(host: string) {
    this.host = host;
  }

  // One downtime for a host and run: its removal finds it though its id never became known.
  get #token(): string {
    return `${workflowInfo().workflowId} ${this.host}`;
  }

  /**
   * Silences the host's alerts.
   * @param reason why, for whoever looks at the silence
   * @param duration default 4h
   * @returns the downtime's id, or nothing when no `hooks.downtime` is configured
   * @throws DOWNTIME_FAILED
   */
  async downtime(reason: string, duration: Duration = '4h'): Promise<string | undefined> {
    const minutes = toMs(duration) / 60_000;
    const { id } = await call('alerts.downtime', { host: this.host, minutes, token: this.#token, reason });
    log.info(
      id === undefined
        ? `no downtime for ${this.host}: hooks.downtime is not configured`
        : `downtime ${id} for ${this.host}`,
    );
    return id;
  }

  /** Ends the downtime that this run made for the host, if it did. @throws DOWNTIME_FAILED */
  async removeDowntime(): Promise<void> {
    await call('alerts.removeDowntime', { token: this.#token });
  }
}
