import { sleep } from '@temporalio/workflow';
import type { Duration } from '../../src/model/duration.ts';
import { OpsError, invalidOption } from '../../src/model/errors.ts';
import { type Execution, RemoteExecutionError, named } from '../../src/model/execution.ts';
import type { HostResult } from '../../src/model/remote-result.ts';
import { type CommandSpec, type RunSyncOptions, planOf } from '../../src/model/run-options.ts';
import { currentRun } from '../engine/run-state.ts';
import { step } from '../engine/step.ts';
import { depooled } from './depooled.ts';
import type { RemoteHosts } from './remote.ts';
import { RemoteResults } from './remote-results.ts';

/** How a cluster behind load balancers is worked on; what is said of all hosts elsewhere counts for each batch here. */
export interface ClusterOptions extends Omit<RunSyncOptions, 'mode' | 'batchSize' | 'successThreshold'> {
  /** Services from which each batch is depooled while it is worked on; default none. */
  svcToDepool?: readonly string[];
  /** Hosts at a time, from 1 to all but one; default 1. */
  batchSize?: number;
  /** Rest between two batches; default none. */
  batchSleep?: Duration;
  /** How many batches may fail before no further one starts, from 0; default 0. A batch has failed when a command failed on one of its hosts. */
  maxFailedBatches?: number;
}

/** Commands failed on batches of a cluster (Spicerack's RemoteClusterExecutionError). */
export class RemoteClusterExecutionError extends OpsError {
  /** What the hosts said, batch by batch. */
  readonly results: readonly HostResult[];
  readonly failures: readonly RemoteExecutionError[];
  /** Hosts of batches that were not begun. */
  readonly notContacted: readonly string[];

  constructor(
    results: readonly HostResult[],
    failures: readonly RemoteExecutionError[],
    batches: number,
    notContacted: readonly string[],
  ) {
    const kind = failures.some((failure) => failure.kind === 'unknown') ? 'unknown' : 'failed';
    const what = failures.map(({ message }) => message);
    if (notContacted.length > 0) what.push(`${named(notContacted)} not contacted`);
    super(
      kind,
      'REMOTE_CLUSTER_EXECUTION_FAILED',
      `${failures.length} of ${batches} batches failed: ${what.join('; ')}`,
    );
    this.results = results;
    this.failures = failures;
    this.notContacted = notContacted;
  }
}

/**
 * Hosts behind load balancers (Spicerack's LBRemoteCluster). Its methods are made of steps: call them outside of any.
 * What is depooled is repooled when its batch ends, and by the rollback when the run does.
 */
export class LbRemoteCluster {
  readonly hosts: RemoteHosts;

  constructor(hosts: RemoteHosts) {
    this.hosts = hosts;
  }

  /**
   * Runs commands on all hosts, batch by batch, each host through all commands: depool, run, repool. In a dry run commands that are
   * `isSafe` run, and nothing is depooled. As in Spicerack only what was pooled is repooled, and a batch that failed is an error in the
   * end, also when no more failed than may. Better on purpose: a batch that failed is repooled too; there is no rest after
   * the last batch, and none where a dry run did nothing; batches are counted without services as with them.
   * @throws OPTION_INVALID, POOL_FAILED, POOL_NOT_CONFIGURED, RemoteClusterExecutionError
   */
  async run(options: ClusterOptions): Promise<RemoteResults> {
    const { svcToDepool = [], batchSize = 1, batchSleep, maxFailedBatches = 0, ...rest } = options;
    if (this.hosts.length < 2)
      throw invalidOption(
        'hosts',
        String(this.hosts),
        'would all be out at once: take two hosts or more, or runAsync of these',
      );
    if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize >= this.hosts.length)
      throw invalidOption(
        'batchSize',
        batchSize,
        `is no whole number from 1 to ${this.hosts.length - 1}, all hosts but one`,
      );
    if (!Number.isInteger(maxFailedBatches) || maxFailedBatches < 0)
      throw invalidOption('maxFailedBatches', maxFailedBatches, 'is no whole number from 0');
    // What cannot be is refused before anything is depooled.
    const { batchSleepMs } = planOf({ ...rest, ...(batchSleep !== undefined && { batchSleep }) }, batchSize, 'async');
    const restMs = currentRun().context.dryRun && rest.isSafe !== true ? 0 : batchSleepMs;
    const batches = this.hosts.split(Math.ceil(this.hosts.length / batchSize));
    const results: HostResult[] = [];
    let commands: Execution['commands'] = [];
    let left: string[] = [];
    const failures: RemoteExecutionError[] = [];
    for (const [i, batch] of batches.entries()) {
      if (i > 0 && restMs > 0) await sleep(restMs);
      const body = async () => {
        try {
          const execution = await executed(`run on ${String(batch)}`, batch, rest);
          results.push(...execution.results);
          ({ commands } = execution);
          return undefined;
        } catch (error) {
          if (!(error instanceof RemoteExecutionError)) throw error;
          results.push(...error.results);
          return error;
        }
      };
      const failure = await (svcToDepool.length === 0 ? body() : depooled(svcToDepool, batch, body));
      if (failure) failures.push(failure);
      if (failures.length <= maxFailedBatches) continue;
      left = batches.slice(i + 1).flatMap(({ hosts }) => hosts);
      break;
    }
    if (failures.length > 0) throw new RemoteClusterExecutionError(results, failures, batches.length, left);
    const execution: Execution = { mode: 'async', hosts: this.hosts.hosts, commands, results, successThreshold: 1 };
    return new RemoteResults(execution, (hosts) => this.hosts.getSubset(hosts));
  }

  /** Restarts systemd services, batch by batch. @throws as {@link run} */
  restartServices(services: readonly string[], options: Omit<ClusterOptions, 'commands'> = {}): Promise<RemoteResults> {
    return this.run({ ...options, commands: systemctl('restart', services) });
  }

  /** Makes systemd services read their configuration anew, batch by batch. @throws as {@link run} */
  reloadServices(services: readonly string[], options: Omit<ClusterOptions, 'commands'> = {}): Promise<RemoteResults> {
    return this.run({ ...options, commands: systemctl('reload', services) });
  }
}

function systemctl(what: string, services: readonly string[]): CommandSpec[] {
  if (services.length === 0) throw invalidOption('services', services, 'are none: name at least one');
  return services.map((service) => {
    if (!/^[\w@.:\\-]+$/.test(service)) throw invalidOption('services', service, 'is not the name of a systemd unit');
    return `systemctl ${what} "${service}"`;
  });
}

async function executed(name: string, hosts: RemoteHosts, options: RunSyncOptions): Promise<Execution> {
  const nothing: Execution = { mode: 'async', hosts: hosts.hosts, commands: [], results: [], successThreshold: 0 };
  // What a step returns may come out of the history: plain data. A person may have left it out.
  const body = async () => (await hosts.runAsync(options)).execution;
  const execution = await step<Execution | undefined>(
    name,
    options.isSafe === true ? { read: body } : { write: body, undo: () => Promise.resolve(), ifDryRun: nothing },
  );
  return execution ?? nothing;
}
