import type { Logger } from '@temporalio/worker';
import type { Config } from '../config/schema.ts';
import { Etcd } from '../locks/etcd.ts';
import { createRunLogs } from '../log/run-logs.ts';
import { temporalLogger } from '../log/temporal-logger.ts';
import { Remote } from '../remote/remote.ts';

/** What activities are handed to reach the world; made once per worker, closed when it ends. */
export interface Deps {
  config: Config;
  /** What it is told of a run goes to the run's log files. */
  logger: Logger;
  /** Absent when locking is off. */
  etcd?: Etcd | undefined;
  /** Commands on hosts. */
  remote: Remote;
}

/**
 * Opens what the activities of a worker share; connections are made when first needed.
 * @throws LOGS_UNWRITABLE, ETCD_CONFIG_UNREADABLE
 */
export function openDeps(config: Config): Deps {
  const logger = temporalLogger(createRunLogs(config));
  return {
    config,
    logger,
    etcd: config.etcd && new Etcd(config.etcd),
    remote: new Remote(config, { warn: (message) => void logger.warn(message) }),
  };
}

export async function closeDeps(deps: Deps): Promise<void> {
  await deps.etcd?.close();
  await deps.remote.close();
}
