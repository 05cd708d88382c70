import type { temporal } from '@temporalio/proto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isNotFound, type Temporal } from '../client.ts';
import { unknownRun } from '../served.ts';

export type HistoryEvent = temporal.api.history.v1.IHistoryEvent;
type HistoryRequest = temporal.api.workflowservice.v1.IGetWorkflowExecutionHistoryRequest;
type Connection = Temporal['connection'];

/** HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT (temporal/api/enums/v1/workflow.proto). */
const closeEvent: unknown = 2;

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

/** A step is half a dozen events, and an answer of the server for each would cost as much as the step. */
const paceMs = 200;
/** As many events at once are of the past: there is more. */
const pageful = 100;

/** @returns the execution it continued as, if it did */
async function* oneExecution({ connection, namespace }: Temporal, workflowId: string, runId: string | undefined) {
  const request = {
    namespace,
    execution: { workflowId, ...(runId !== undefined && { runId }) },
    waitNewEvent: true,
  };
  let [seen, answers] = [0, 0];
  const end = new End(connection, request);
  for (;;) {
    try {
      for await (const { history, isLast } of untilClosed(connection, request)) {
        const events = (history?.events ?? []).filter(({ eventId }) => Number(eventId) > seen);
        seen = Math.max(seen, ...events.map(({ eventId }) => Number(eventId)));
        yield { events };
        if (isLast)
          return events.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? undefined;
        if (++answers > 1 && events.length < pageful) await end.within(paceMs);
      }
    } catch (error) {
      if (isNotFound(error)) throw unknownRun(workflowId);
      yield { away: error instanceof Error ? error.message : String(error) };
      // Then from the start again, without what was seen.
      await sleep(1_000);
    }
  }
}

/** What the server answers about an execution, as it comes, up to the answer that it has closed. */
async function* untilClosed({ workflowService }: Connection, request: HistoryRequest) {
  let token: Uint8Array | undefined;
  do {
    const { history, nextPageToken } = await workflowService.getWorkflowExecutionHistory({
      ...request,
      ...(token && { nextPageToken: token }),
    });
    token = nextPageToken;
    yield { history, isLast: token.length === 0 };
  } while (token.length > 0);
}

/** Tells when an execution has closed, so that nobody waits for its end who paces the rest. */
class End {
  readonly #connection: Connection;
  readonly #request: HistoryRequest;
  #state: 'open' | 'asked' | 'closed' = 'open';
  #wake = () => {};

  constructor(connection: Connection, request: HistoryRequest) {
    this.#connection = connection;
    this.#request = request;
  }

  /** Waits for it, but no longer. */
  async within(ms: number): Promise<void> {
    if (this.#state === 'open') void this.#ask();
    if (this.#state === 'closed') return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, ms);
    });
  }

  async #ask(): Promise<void> {
    this.#state = 'asked';
    const historyEventFilterType = closeEvent as temporal.api.enums.v1.HistoryEventFilterType;
    const answers = untilClosed(this.#connection, { ...this.#request, historyEventFilterType });
    try {
      while ((await answers.next()).done !== true);
      this.#state = 'closed';
      this.#wake();
    } catch {
      this.#state = 'open';
    }
  }
}
