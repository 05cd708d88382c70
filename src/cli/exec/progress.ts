import { defaultPayloadConverter } from '@temporalio/common';
import type { Temporal } from '../client.ts';
import type { Said } from '../../model/said.ts';
import { showFooter } from '../terminal.ts';
import { barLines, type Counts } from './bar.ts';
import type { Paint } from './style.ts';

const refreshMs = 500;

/** What the heartbeat of a slice of hosts says of it. */
type Beat = Pick<Counts, 'hosts' | 'done' | 'failed' | 'running' | 'waitingFor'> & { said?: Said };

/** Keeps the bar of a run at the foot of the terminal, and shows what a single host says, from what the server knows of the activities under way. */
export class Progress {
  readonly #temporal: Temporal;
  readonly #run: string;
  readonly #paint: Paint | undefined;
  readonly #hear: (said: Said) => void;
  readonly #slices = new Map<string, Beat>();
  readonly #ticks: NodeJS.Timeout;
  #since = Date.now();
  #asking = false;
  #stopped = false;

  /**
   * @param paint of the bar; none without
   * @param hear is told what a single host has said
   */
  constructor(temporal: Temporal, run: string, paint: Paint | undefined, hear: (said: Said) => void) {
    this.#hear = hear;
    this.#temporal = temporal;
    this.#run = run;
    this.#paint = paint;
    this.#ticks = setInterval(() => void this.#tick(), refreshMs);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#ticks);
    showFooter([]);
  }

  async #tick(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      await this.#look();
      if (!this.#stopped && this.#paint) this.#show(this.#paint);
    } catch {
      // a server that is away is told by who follows the history
    } finally {
      this.#asking = false;
    }
  }

  async #look(): Promise<void> {
    const { connection, namespace } = this.#temporal;
    const { pendingActivities } = await connection.workflowService.describeWorkflowExecution({
      namespace,
      execution: { workflowId: this.#run },
    });
    const beats = pendingActivities.flatMap(({ activityId, heartbeatDetails }): [string, Beat][] => {
      const [payload] = heartbeatDetails?.payloads ?? [];
      const beat = payload && defaultPayloadConverter.fromPayload<Beat | undefined>(payload);
      return typeof beat?.hosts === 'number' ? [[activityId ?? '', beat]] : [];
    });
    // None that was there before: the next command is under way.
    if (beats.length > 0 && !beats.some(([id]) => this.#slices.has(id))) {
      this.#slices.clear();
      this.#since = Date.now();
    }
    const pending = new Set(pendingActivities.map(({ activityId }) => activityId));
    for (const [id, beat] of this.#slices)
      if (!pending.has(id)) this.#slices.set(id, { ...beat, done: beat.hosts, running: 0 });
    for (const [id, beat] of beats) {
      this.#slices.set(id, beat);
      if (beat.said && !this.#stopped) this.#hear(beat.said);
    }
  }

  #show(paint: Paint): void {
    const all = [...this.#slices.values()];
    if (all.length === 0) return;
    const sum = (of: (beat: Beat) => number) => all.reduce((total, beat) => total + of(beat), 0);
    const counts: Counts = {
      hosts: sum(({ hosts }) => hosts),
      done: sum(({ done }) => done),
      failed: sum(({ failed }) => failed),
      running: sum(({ running }) => running),
      elapsedMs: Date.now() - this.#since,
      waitingFor: all.find(({ waitingFor }) => waitingFor !== undefined)?.waitingFor,
    };
    showFooter(barLines(counts, process.stderr.columns || 80, paint));
  }
}
