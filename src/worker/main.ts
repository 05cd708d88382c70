import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { activities } from '../../activities/index.ts';
import type { Config } from '../config/schema.ts';
import { OpsError, messageOf } from '../model/errors.ts';
import { contextInterceptor, effectsOf, temporalActivities, type Definitions } from './activities.ts';
import { workflowBundle } from './bundle.ts';
import { queueOf } from '../remote/sites.ts';
import { temporalConnection } from '../config/temporal.ts';
import { closeDeps, openDeps, type Deps } from './deps.ts';

/** How every worker of Sumac serves its queue. */
export const workerOptions = (definitions: Definitions, deps: Deps) => ({
  activities: temporalActivities(definitions, deps),
  interceptors: { activity: [contextInterceptor] },
  // A dead worker's runs are taken over after this, not after ten seconds.
  stickyQueueScheduleToStartTimeout: '1s' as const,
  maxConcurrentActivityTaskExecutions: 2000,
  // What is shared out goes to whoever has waited longest: ten polls of one worker would get the first ten slices.
  activityTaskPollerBehavior: { type: 'autoscaling' as const, minimum: 1, initial: 1, maximum: 10 },
  maxCachedWorkflows: 500,
  // How old what an activity last said of its progress may be; by default most of its heartbeat timeout.
  maxHeartbeatThrottleInterval: '2s' as const,
  shutdownGraceTime: '10s' as const,
});

export interface SiteOptions {
  /** Serve only the activities of this site. */
  site?: string;
  /** Called once the worker polls. */
  ready?: (text: string) => void;
}

/**
 * Serves runs until SIGINT or SIGTERM; what is under way then gets 10 s, the rest goes on elsewhere.
 * @throws SITE_UNKNOWN, TEMPORAL_UNREACHABLE, BUNDLE_FAILED, LOGS_UNWRITABLE
 */
export async function runWorker(
  config: Config,
  options: SiteOptions = {},
  definitions: Definitions = activities,
): Promise<void> {
  const started = performance.now();
  if (options.site !== undefined && !config.sites[options.site]) throw unknownSite(config, options.site);
  const deps = openDeps(config);
  Runtime.install({ logger: deps.logger, shutdownSignals: ['SIGINT', 'SIGTERM'] });
  const { address, namespace } = config.temporal;
  const taskQueue = queueOf(config, options.site);
  let connection: NativeConnection;
  try {
    connection = await NativeConnection.connect(temporalConnection(config));
  } catch (error) {
    throw new OpsError(
      'usage',
      'TEMPORAL_UNREACHABLE',
      `Temporal does not answer at ${address}: ${messageOf(error)}`,
      {},
      error,
    );
  }
  try {
    const bundle = options.site === undefined ? await workflowBundle(config, effectsOf(definitions)) : undefined;
    for (const problem of bundle?.problems ?? []) deps.logger.error(problem);
    const worker = await Worker.create({
      ...workerOptions(definitions, deps),
      connection,
      namespace,
      taskQueue,
      ...(bundle && { workflowBundle: { codePath: bundle.codePath } }),
    });
    const running = worker.run();
    options.ready?.(
      `polls ${taskQueue} at ${address}, ${bundle ? `${bundle.cookbooks.length} cookbooks, bundle ${bundle.hash}` : 'activities only'}, ready after ${Math.round(performance.now() - started)} ms`,
    );
    await running;
  } finally {
    await connection.close();
    await closeDeps(deps);
  }
}

const unknownSite = ({ sites }: Config, site: string) =>
  new OpsError(
    'usage',
    'SITE_UNKNOWN',
    `no site '${site}' in the configuration: 'sites' names ${Object.keys(sites).join(', ') || 'none'}`,
  );
