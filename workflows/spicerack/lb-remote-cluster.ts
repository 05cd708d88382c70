import { log, sleep } from '@temporalio/workflow';
import type { Duration } from '../../src/model/duration.ts';
import { OpsError } from '../../src/model/errors.ts';
import { type Execution, RemoteExecutionError } from '../../src/model/execution.ts';
import type { HostResult } from '../../src/model/remote-result.ts';
import { type CommandSpec, type RunSyncOptions, planOf } from '../../src/model/run-options.ts';
import { call } from '../engine/call.ts';
import { settle, step } from '../engine/step.ts';
import type { RemoteHosts } from './remote.ts';
import { RemoteResults } from './remote-results.ts';

/** How a cluster behind load balancers is worked on. */
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

  constructor(results: readonly HostResult[], failures: readonly RemoteExecutionError[], batches: number) {
    const kind = failures.some((failure) => failure.kind === 'unknown') ? 'unknown' : 'failed';
    const what = failures.map(({ message }) => message).join('; ');
    super(kind, 'REMOTE_CLUSTER_EXECUTION_FAILED', `${failures.length} of ${batches} batches failed: ${what}`);
    this.results = results;
    this.failures = failures;
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
   * Runs commands on all hosts, batch by batch, each host through all commands: depool, run, repool. Only what was pooled
   * is repooled. In a dry run commands that are `isSafe` run, and nothing is depooled. As in Spicerack a batch that failed is an error in the end, also when no more failed than may.
   * @throws OPTION_INVALID, POOL_FAILED, POOL_NOT_CONFIGURED, RemoteClusterExecutionError
   */
  async run(options: ClusterOptions): Promise<RemoteResults> {
    const { svcToDepool = [], batchSize = 1, batchSleep, maxFailedBatches = 0, ...rest } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize >= this.hosts.length)
      throw invalid('batchSize', batchSize, `is no whole number from 1 to ${this.hosts.length - 1}, all hosts but one`);
    if (!Number.isInteger(maxFailedBatches) || maxFailedBatches < 0)
      throw invalid('maxFailedBatches', maxFailedBatches, 'is no whole number from 0');
    // What cannot be is refused before anything is depooled.
    const { batchSleepMs } = planOf({ ...rest, ...(batchSleep !== undefined && { batchSleep }) }, batchSize, 'async');
    const batches = this.hosts.split(Math.ceil(this.hosts.length / batchSize));
    const results: HostResult[] = [];
    let commands: Execution['commands'] = [];
    const failures: RemoteExecutionError[] = [];
    for (const [i, batch] of batches.entries()) {
      if (i > 0 && batchSleepMs > 0) await sleep(batchSleepMs);
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
      if (failures.length > maxFailedBatches) break;
    }
    if (failures.length > 0) throw new RemoteClusterExecutionError(results, failures, batches.length);
    const execution: Execution = { mode: 'async', hosts: this.hosts.hosts, commands, results, successThreshold: 1 };
    return new RemoteResults(execution, (hosts) => this.hosts.getSubset(hosts));
  }

  /** Restarts systemd services, batch by batch. @throws as {@link run} */
  restartServices(services: readonly string[], options: Omit<ClusterOptions, 'commands'> = {}): Promise<RemoteResults> {
    return this.run({ ...options, commands: services.map(systemctl('restart')) });
  }

  /** Makes systemd services read their configuration anew, batch by batch. @throws as {@link run} */
  reloadServices(services: readonly string[], options: Omit<ClusterOptions, 'commands'> = {}): Promise<RemoteResults> {
    return this.run({ ...options, commands: services.map(systemctl('reload')) });
  }
}

const systemctl =
  (what: string) =>
  (service: string): CommandSpec => {
    if (!/^[\w@.:\\-]+$/.test(service)) throw invalid('services', service, 'is not the name of a systemd unit');
    return `systemctl ${what} "${service}"`;
  };

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

async function depooled<T>(services: readonly string[], hosts: RemoteHosts, body: () => Promise<T>): Promise<T> {
  const where = `${String(hosts)} from ${services.join(', ')}`;
  const pooled = await step(`which of ${where} are pooled`, {
    read: () => call('pool.pooled', { services, hosts: hosts.hosts }),
  });
  const name = `depool ${where}`;
  await step(name, {
    write: () => call('pool.depool', pooled),
    undo: () => call('pool.repool', pooled),
    guaranteed: true,
  });
  log.info(`depooled ${where}`);
  const value = await body();
  await settle(name);
  return value;
}

const invalid = (option: string, value: unknown, what: string) =>
  new OpsError('usage', 'OPTION_INVALID', `${option}: ${JSON.stringify(value)} ${what}`, { option, value });
