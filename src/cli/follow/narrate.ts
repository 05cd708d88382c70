import { defaultPayloadConverter } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';
import { formatMs } from '../../model/duration.ts';
import { names, type Answer, type Parked } from '../../model/run.ts';
import { howToAnswer } from '../how-to-answer.ts';
import { failureOutcome, failureText, outcomeOf, type Outcome } from './outcome.ts';
import type { HistoryEvent } from './history.ts';

type Signal = temporal.api.history.v1.IWorkflowExecutionSignaledEventAttributes;

/** Something under way. */
export interface Work {
  /** In an operator's words. */
  label: string;
  startedAt: number;
  /** Told only with `-v`. */
  quiet: boolean;
  /** Task queue of an activity. */
  queue?: string | undefined;
}

/** Activities that serve the engine: told with `-v` only, what they mean for the run it says itself. */
const engineOwn = /^(announce|cookbook|locks)\./;
// Timers of the engine that only bound a wait: the reminder of a prompt, and those named `then ...`.
const boundsAWait = /^(then |waits for an answer)/;
const toldPhases = ['rolling back', 'cleaning up'];

/** Turns the history of a run into lines for an operator. */
export class Narrator {
  readonly #verbose: boolean;
  readonly #run: string;
  readonly #activities = new Map<string, Work & { id: string; type: string }>();
  readonly #timers = new Map<string, Work>();
  readonly #children = new Map<string, Work>();
  /** Whether the run waits for a person. */
  needsAnswer = false;
  outcome: Outcome | undefined;

  constructor(run: string, verbose: boolean) {
    this.#run = run;
    this.#verbose = verbose;
  }

  /** What is known of an activity that is under way, by its id. */
  workOf(activityId: string): Work | undefined {
    const work = [...this.#activities.values()].find(({ id }) => id === activityId);
    return work && { ...work, quiet: work.quiet && !this.#verbose };
  }

  /** The lines for a batch of events; the beginning of what ends within it is left out. */
  tell(events: readonly HistoryEvent[]): string[] {
    const ended = new Set(events.flatMap(endedIn));
    return events.flatMap((event) => {
      const text = this.#text(event, ended.has(String(event.eventId)));
      this.outcome = outcomeOf(event) ?? this.outcome;
      if (event.workflowExecutionContinuedAsNewEventAttributes) this.#forget();
      return text === undefined ? [] : [`${clock(timeOf(event))} ${text}`];
    });
  }

  /** The next execution numbers its events anew. */
  #forget(): void {
    for (const works of [this.#activities, this.#timers, this.#children]) works.clear();
  }

  #text(event: HistoryEvent, endsAtOnce: boolean): string | undefined {
    return (
      this.#activity(event, endsAtOnce) ?? this.#child(event) ?? this.#timer(event, endsAtOnce) ?? this.#engine(event)
    );
  }

  #activity(event: HistoryEvent, endsAtOnce: boolean): string | undefined {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled) {
      const type = scheduled.activityType?.name ?? '';
      const quiet = engineOwn.test(type);
      const queue = scheduled.taskQueue?.name ?? undefined;
      const work = {
        id: scheduled.activityId ?? '',
        type,
        label: summaryOf(event) ?? type,
        startedAt: timeOf(event),
        quiet,
        queue,
      };
      this.#activities.set(String(event.eventId), work);
      return endsAtOnce ? undefined : this.#unlessQuiet(work, `▶ ${work.label}`);
    }
    const ends = [
      { mark: '✓', end: event.activityTaskCompletedEventAttributes },
      { mark: '✗', end: event.activityTaskFailedEventAttributes },
      { mark: '✗', end: event.activityTaskTimedOutEventAttributes },
      { mark: '↩', end: event.activityTaskCanceledEventAttributes },
    ];
    const ended = ends.find(({ end }) => end);
    if (!ended?.end) return undefined;
    const work = take(this.#activities, ended.end.scheduledEventId);
    if (!work) return undefined;
    const why =
      'failure' in ended.end ? `: ${failureText(ended.end.failure)}` : ended.mark === '↩' ? ': cancelled' : '';
    const took = timeOf(event) - work.startedAt;
    const note = unverifiedOf(event.activityTaskCompletedEventAttributes, work.type);
    const text = `${ended.mark} ${work.label}${took < 100 ? '' : ` (${formatMs(took)})`}${why}${note}`;
    return this.#unlessQuiet(work, text);
  }

  #child(event: HistoryEvent): string | undefined {
    const started = event.childWorkflowExecutionStartedEventAttributes;
    if (started) {
      const label = this.#below(started.workflowExecution?.workflowId ?? '');
      this.#children.set(String(started.initiatedEventId), { label, startedAt: timeOf(event), quiet: false });
      return `▶ ${label} starts`;
    }
    const completed = event.childWorkflowExecutionCompletedEventAttributes;
    const failed = event.childWorkflowExecutionFailedEventAttributes;
    const other =
      event.childWorkflowExecutionCanceledEventAttributes ??
      event.childWorkflowExecutionTerminatedEventAttributes ??
      event.childWorkflowExecutionTimedOutEventAttributes;
    const end = completed ?? failed ?? other;
    const work = end ? take(this.#children, end.initiatedEventId) : undefined;
    if (!work) return undefined;
    const took = formatMs(timeOf(event) - work.startedAt);
    if (completed) return `✓ ${work.label} passed (${took})`;
    const how = event.childWorkflowExecutionCanceledEventAttributes
      ? 'cancelled'
      : 'ended from outside, nothing undone';
    if (!failed) return `↩ ${work.label} ${how} (${took})`;
    const { exitCode, error, notUndone } = failureOutcome(failed.failure);
    const left = (notUndone ?? []).map((what) => `; NOT undone: ${what}`).join('');
    return `✗ ${work.label} failed with ${exitCode} (${took})${error === undefined ? '' : `: ${error}`}${left}`;
  }

  #timer(event: HistoryEvent, endsAtOnce: boolean): string | undefined {
    const started = event.timerStartedEventAttributes;
    if (started) {
      const summary = summaryOf(event);
      const quiet = summary === undefined || boundsAWait.test(summary);
      const work = { label: summary ?? 'wait', startedAt: timeOf(event), quiet };
      this.#timers.set(String(event.eventId), work);
      const lasts = formatMs(Number(started.startToFireTimeout?.seconds ?? 0) * 1000);
      return endsAtOnce ? undefined : this.#unlessQuiet(work, `▶ ${work.label} (${lasts})`);
    }
    const fired = event.timerFiredEventAttributes;
    const work = fired ? take(this.#timers, fired.startedEventId) : undefined;
    return work && this.#unlessQuiet(work, `✓ ${work.label} (${formatMs(timeOf(event) - work.startedAt)})`);
  }

  #engine(event: HistoryEvent): string | undefined {
    const changed = event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes?.indexedFields;
    if (changed) {
      if (changed['NeedsAnswer']) this.needsAnswer = defaultPayloadConverter.fromPayload(changed['NeedsAnswer']);
      const phase = changed['Phase'] && defaultPayloadConverter.fromPayload<string>(changed['Phase']);
      return phase !== undefined && toldPhases.includes(phase) ? `== ${phase}` : undefined;
    }
    const update = event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input;
    if (update?.name === names.answer && update.args?.payloads?.[0]) {
      const { value, by } = defaultPayloadConverter.fromPayload<Answer>(update.args.payloads[0]);
      return `== ${by} answered: ${value}`;
    }
    const signal = event.workflowExecutionSignaledEventAttributes;
    if (signal) return this.#signal(signal);
    const cancel = event.workflowExecutionCancelRequestedEventAttributes;
    if (cancel) return `== cancelled by ${cancel.identity || 'its parent'}`;
    const broken = event.workflowTaskFailedEventAttributes;
    // A worker that was killed in the middle is no news; the others repeat until somebody mends the code.
    if (broken?.failure) return `! the run's code failed and is tried again: ${failureText(broken.failure)}`;
    return undefined;
  }

  #signal({ signalName, input, identity }: Signal): string | undefined {
    const [first] = input?.payloads ?? [];
    if (signalName === names.parked && first) {
      const { run, message, choices } = defaultPayloadConverter.fromPayload<Parked>(first);
      return `? ${this.#below(run)} asks: ${message} (${howToAnswer(run, choices)})`;
    }
    const value = first ? ` ${String(defaultPayloadConverter.fromPayload(first))}` : '';
    return signalName === names.unparked ? undefined : `== ${signalName ?? ''}${value} (${identity ?? ''})`;
  }

  /** A run below this one by the end of its id. */
  #below(run: string): string {
    return run.startsWith(`${this.#run}/`) ? run.slice(this.#run.length + 1) : run;
  }

  #unlessQuiet({ quiet }: Work, text: string): string | undefined {
    return quiet && !this.#verbose ? undefined : text;
  }
}

/** Ids of the events whose end this one is. */
function endedIn(event: HistoryEvent): string[] {
  const activity =
    event.activityTaskCompletedEventAttributes ??
    event.activityTaskFailedEventAttributes ??
    event.activityTaskTimedOutEventAttributes ??
    event.activityTaskCanceledEventAttributes;
  const timer = event.timerFiredEventAttributes ?? event.timerCanceledEventAttributes;
  return [activity?.scheduledEventId, timer?.startedEventId].flatMap((id) => (id == null ? [] : [String(id)]));
}

/** What a query says of hosts to whose keys nothing testifies. */
function unverifiedOf(completed: HistoryEvent['activityTaskCompletedEventAttributes'], type: string): string {
  const [payload] = (type === 'remote.query' && completed?.result?.payloads) || [];
  const hosts = payload && defaultPayloadConverter.fromPayload<{ unverified?: string }>(payload).unverified;
  return hosts === undefined ? '' : `: ! the host keys of ${hosts} are not verified (StrictHostKeyChecking)`;
}

function take<T>(works: Map<string, T>, id: unknown): T | undefined {
  const work = works.get(String(id));
  works.delete(String(id));
  return work;
}

function summaryOf({ userMetadata }: HistoryEvent): string | undefined {
  const summary = userMetadata?.summary && defaultPayloadConverter.fromPayload<string>(userMetadata.summary);
  return summary || undefined;
}

export const timeOf = ({ eventTime }: { eventTime?: temporal.api.history.v1.IHistoryEvent['eventTime'] }): number =>
  Number(eventTime?.seconds ?? 0) * 1000 + Math.floor((eventTime?.nanos ?? 0) / 1e6);

/** `14:03:59`, local time. */
export const clock = (at: number): string => new Date(at).toTimeString().slice(0, 8);
