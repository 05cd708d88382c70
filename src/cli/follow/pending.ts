import { formatMs } from '../../model/duration.ts';
import type { Temporal } from '../client.ts';
import { failureText } from './outcome.ts';

const repeatMs = 60_000;
const untakenMs = 5_000;

/** What is under way and does not show in the history: failed attempts that are repeated, and work no worker takes. */
export class Pending {
  readonly #temporal: Temporal;
  readonly #run: string;
  readonly #told = new Map<string, { text: string; at: number }>();

  constructor(temporal: Temporal, run: string) {
    this.#temporal = temporal;
    this.#run = run;
  }

  /**
   * Lines worth telling now: what is new, and once a minute what still holds.
   * @param labelOf operator's words for an activity id; undefined for one not to be told
   */
  async lines(labelOf: (activityId: string) => string | undefined): Promise<string[]> {
    const { connection, namespace, config } = this.#temporal;
    const { pendingActivities, pendingWorkflowTask: task } = await connection.workflowService.describeWorkflowExecution(
      {
        namespace,
        execution: { workflowId: this.#run },
      },
    );
    const lines = pendingActivities.flatMap(({ activityId, attempt, lastFailure, scheduledTime }) => {
      const label = labelOf(activityId ?? '');
      if (label === undefined || !lastFailure) return [];
      const failure = failureText(lastFailure);
      const wait = sinceMs(scheduledTime) * -1;
      const next = wait > 1000 ? `, next in ${formatMs(wait)}` : '';
      return this.#unlessTold(activityId ?? '', failure, `… ${label}: ${failure} (attempt ${attempt ?? 1}${next})`);
    });
    if (!task || task.startedTime || sinceMs(task.scheduledTime) < untakenMs) return lines;
    const queue = config.temporal.task_queue;
    return [
      ...lines,
      ...this.#unlessTold('', '', `… no worker on ${queue} takes up the run: is one running? ('cookbook worker')`),
    ];
  }

  #unlessTold(key: string, text: string, line: string): string[] {
    const told = this.#told.get(key);
    const now = Date.now();
    if (told?.text === text && now - told.at < repeatMs) return [];
    this.#told.set(key, { text, at: now });
    return [line];
  }
}

const sinceMs = (time: { seconds?: unknown } | null | undefined) => Date.now() - Number(time?.seconds ?? 0) * 1000;
