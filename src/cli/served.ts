import { QueryNotRegisteredError, QueryRejectedError } from '@temporalio/client';
import type { temporal as proto } from '@temporalio/proto';
import { setTimeout as sleep } from 'node:timers/promises';
import { OpsError } from '../model/errors.ts';
import { names, type RunStatusReport } from '../model/run.ts';
import { grpcCode, grpcStatus, isNotFound, type Temporal } from './client.ts';

/** The server lists a poller for five minutes after its last poll; a poll lasts one at most. */
const pollMs = 70_000;

/** A server that was just restarted knows no pollers until they ask it again. */
const looks = 5;
const pauseMs = 1000;

/** TaskQueueType, as the server counts them. */
const queueTypes = { workflow: 1, activity: 2 } as unknown as Record<
  'workflow' | 'activity',
  proto.api.enums.v1.TaskQueueType
>;

/** @throws NO_WORKER when no worker asks the run's queue for work, looked at for some seconds */
export async function assertServed(temporal: Temporal): Promise<void> {
  for (let look = 1; !(await isServed(temporal, temporal.config.temporal.task_queue, 'workflow')); look++) {
    if (look === looks) throw noWorker(temporal);
    await sleep(pauseMs);
  }
}

/** Whether a worker asks a queue for workflows, or for activities. */
export async function isServed(
  { connection, namespace }: Temporal,
  name: string,
  taskQueueType: 'workflow' | 'activity',
): Promise<boolean> {
  const { pollers } = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name },
    taskQueueType: queueTypes[taskQueueType],
  });
  const oldest = Date.now() - pollMs;
  return pollers.some(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000 >= oldest);
}

function noWorker({ config }: Temporal): OpsError {
  const { task_queue: queue, address } = config.temporal;
  return new OpsError(
    'usage',
    'NO_WORKER',
    `no worker polls the task queue ${queue} at ${address}: start one with 'cookbook worker'`,
  );
}

const queryMs = 5_000;
const againMs = 200;

/**
 * Asks a run for its status; one that has closed too, as long as the server keeps it.
 * @throws NO_WORKER, RUN_UNKNOWN, RUN_FOREIGN
 */
export const statusOf = (temporal: Temporal, run: string): Promise<RunStatusReport> =>
  ask<RunStatusReport>(temporal, run, names.status);

/** What a run has handed back so far. @throws as {@link statusOf} */
export const reportOf = (temporal: Temporal, run: string): Promise<unknown> => ask(temporal, run, names.report);

async function ask<T>({ client, connection, config }: Temporal, run: string, query: string): Promise<T> {
  const handle = client.workflow.getHandle(run);
  const deadline = Date.now() + queryMs;
  for (;;) {
    try {
      return await connection.withDeadline(deadline, () => handle.query<T>(query));
    } catch (error) {
      if (isNotFound(error)) throw unknownRun(run);
      if (error instanceof QueryNotRegisteredError || error instanceof QueryRejectedError)
        throw new OpsError(
          'usage',
          'RUN_FOREIGN',
          `${run} is no run of a cookbook, or its code cannot be replayed: ${error.message}`,
        );
      const code = grpcCode(error);
      // Cancelled is what the server says of a question it had just handed to a worker that is gone, and the client at times of its deadline.
      if (code !== grpcStatus.deadlineExceeded && code !== grpcStatus.cancelled) throw error;
      if (code === grpcStatus.cancelled && Date.now() + againMs < deadline) {
        await sleep(againMs);
        continue;
      }
      throw new OpsError(
        'usage',
        'NO_WORKER',
        `no worker on ${config.temporal.task_queue} answers for ${run} within ${queryMs / 1000} s: is one running? ('cookbook worker')`,
      );
    }
  }
}

export const unknownRun = (run: string) =>
  new OpsError('usage', 'RUN_UNKNOWN', `no run '${run}': see 'cookbook ps --all'`);
