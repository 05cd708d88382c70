import type { temporal } from '@temporalio/proto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isNotFound, type Temporal } from '../client.ts';
import { unknownRun } from '../served.ts';

export type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** What a reader of the history is told between events. */
export type Batch = { events: HistoryEvent[] } | { away: string };

/**
 * The events of a run as they happen, in the batches the server sends, until it has closed; goes on where it continues as new and
 * where the server was away meanwhile.
 * @param execution where to begin; default the latest
 * @throws RUN_UNKNOWN
 */
export async function* followHistory(temporal: Temporal, run: string, execution?: string): AsyncGenerator<Batch> {
  let runId: string | undefined = execution;
  for (;;) {
    const next: string | undefined = yield* oneExecution(temporal, run, runId);
    if (!next) return;
    runId = next;
  }
}

/** @returns the execution it continued as, if it did */
async function* oneExecution({ connection, namespace }: Temporal, workflowId: string, runId: string | undefined) {
  let token: Uint8Array | undefined;
  let seen = 0;
  for (;;) {
    try {
      const { history, nextPageToken } = await connection.workflowService.getWorkflowExecutionHistory({
        namespace,
        execution: { workflowId, ...(runId !== undefined && { runId }) },
        waitNewEvent: true,
        ...(token && { nextPageToken: token }),
      });
      const events = (history?.events ?? []).filter(({ eventId }) => Number(eventId) > seen);
      token = nextPageToken;
      seen = Math.max(seen, ...events.map(({ eventId }) => Number(eventId)));
      yield { events };
      if (nextPageToken.length === 0)
        return events.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? undefined;
    } catch (error) {
      if (isNotFound(error)) throw unknownRun(workflowId);
      yield { away: error instanceof Error ? error.message : String(error) };
      token = undefined; // from the start again, without what was seen
      await sleep(1_000);
    }
  }
}
