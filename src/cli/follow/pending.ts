import { defaultPayloadConverter } from '@temporalio/common';
import type { temporal as proto } from '@temporalio/proto';
import { formatMs } from '../../model/duration.ts';
import { queueOf } from '../../remote/sites.ts';
import type { Temporal } from '../client.ts';
import { isServed } from '../served.ts';
import type { Work } from './narrate.ts';
import { failureText } from './outcome.ts';

type Activity = proto.api.workflow.v1.IPendingActivityInfo;

const repeatMs = 60_000;
const untakenMs = 5_000;
const [scheduledState, startedState] = [1, 2]; // PendingActivityState, as the server counts them

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
   * @param workOf what is known of an activity by its id
   */
  async lines(workOf: (activityId: string) => Work | undefined): Promise<string[]> {
    const { connection, namespace, config } = this.#temporal;
    const { pendingActivities, pendingWorkflowTask: task } = await connection.workflowService.describeWorkflowExecution(
      {
        namespace,
        execution: { workflowId: this.#run },
      },
    );
    const lines = pendingActivities.flatMap((activity) =>
      this.#activityLines(activity, workOf(activity.activityId ?? '')),
    );
    lines.push(...(await this.#untaken(pendingActivities, workOf)));
    if (!task || task.startedTime || sinceMs(task.scheduledTime) < untakenMs) return lines;
    const queue = config.temporal.task_queue;
    return [
      ...lines,
      ...this.#unlessTold('', '', `… no worker on ${queue} takes up the run: is one running? ('cookbook worker')`),
    ];
  }

  /** Queues with work that nobody takes, because no worker is there. */
  async #untaken(activities: readonly Activity[], workOf: (id: string) => Work | undefined): Promise<string[]> {
    const { config } = this.#temporal;
    const labels = new Map<string, string[]>();
    for (const { activityId, state, scheduledTime } of activities) {
      const { queue, label } = workOf(activityId ?? '') ?? {};
      if (queue === undefined || label === undefined || Number(state) !== scheduledState) continue;
      if (sinceMs(scheduledTime) >= untakenMs) labels.set(queue, [...(labels.get(queue) ?? []), label]);
    }
    const lines: string[] = [];
    for (const [queue, waiting] of labels) {
      if (await isServed(this.#temporal, queue, 'activity')) continue;
      const site = Object.keys(config.sites).find((name) => queueOf(config, name) === queue);
      const way = site === undefined ? '' : ` --site ${site}`;
      const what = [...new Set(waiting)].join(', ');
      lines.push(
        ...this.#unlessTold(
          `queue ${queue}`,
          '',
          `… ${what}: no worker on ${queue}: is one running? ('cookbook worker${way}')`,
        ),
      );
    }
    return lines;
  }

  #activityLines({ activityId, attempt, state, lastFailure, scheduledTime, heartbeatDetails }: Activity, work?: Work) {
    if (!work) return [];
    const [details] = heartbeatDetails?.payloads ?? [];
    const waits = details && waitText(defaultPayloadConverter.fromPayload(details));
    if (waits !== undefined && Number(state) === startedState)
      return this.#unlessTold(activityId ?? '', waits, `… ${work.label}: ${waits}`);
    if (!lastFailure) return [];
    const failure = failureText(lastFailure);
    const wait = -sinceMs(scheduledTime);
    const next = wait > 1000 ? `, next in ${formatMs(wait)}` : '';
    const line = `… ${work.label}: ${failure} (attempt ${attempt ?? 1}${next})`;
    return this.#unlessTold(activityId ?? '', failure, line);
  }

  #unlessTold(key: string, text: string, line: string): string[] {
    const told = this.#told.get(key);
    const now = Date.now();
    if (told?.text === text && now - told.at < repeatMs) return [];
    this.#told.set(key, { text, at: now });
    return [line];
  }
}

/** What an activity says it waits for, when it says so: a lock, held by others. */
function waitText(details: unknown): string | undefined {
  const { waitingFor, holders } = (details ?? {}) as { waitingFor?: unknown; holders?: unknown };
  if (typeof waitingFor !== 'string') return undefined;
  return `waits for ${waitingFor}${Array.isArray(holders) ? `, held by ${holders.join('; ')}` : ''}`;
}

const sinceMs = (time: { seconds?: unknown } | null | undefined) => Date.now() - Number(time?.seconds ?? 0) * 1000;
