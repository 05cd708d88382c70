import { messageOf } from '../../model/errors.ts';
import type { Temporal } from '../client.ts';
import { uiLink } from '../link.ts';
import { isInteractive, question, say } from '../terminal.ts';
import { Desk } from './desk.ts';
import { followHistory } from './history.ts';
import { type Display, plainDisplay } from './display.ts';
import { Narrator, clock } from './narrate.ts';
import type { Pending } from './pending.ts';

const quietMs = 4_000;

/** A run to follow. */
export interface Followed {
  run: string;
  cookbook: string;
  /** First execution to tell of; default the latest. */
  execution?: string;
  verbose: boolean;
  dryRun: boolean;
  /** How it is shown; default line by line. */
  display?: Display;
}

/**
 * Tells what a run does, asks its prompts, and ends with the run or when the operator detaches.
 * @returns the run's exit code; after detaching 0, or 128 and the number of the signal that did it
 * @throws RUN_UNKNOWN
 */
export async function follow(temporal: Temporal, followed: Followed): Promise<number> {
  const page = uiLink(temporal.config, followed.run);
  say(`${followed.dryRun ? 'DRY-RUN ' : ''}${followed.run}${page === undefined ? '' : `\n${page}`}`);
  const follower = new Follower(temporal, followed);
  try {
    return await Promise.race([follower.watch(), follower.detached]);
  } finally {
    follower.stop();
  }
}

class Follower {
  readonly #temporal: Temporal;
  readonly #followed: Followed;
  readonly #narrator: Narrator;
  #pending: Pending | undefined;
  readonly #desk: Desk;
  readonly #display: Display;
  readonly #ticks: NodeJS.Timeout;
  readonly #detach = Promise.withResolvers<number>();
  #lastNews = Date.now();
  #interrupts: 'none' | 'asking' | 'aborting' = 'none';
  readonly detached = this.#detach.promise;

  constructor(temporal: Temporal, followed: Followed) {
    this.#temporal = temporal;
    this.#followed = followed;
    this.#narrator = new Narrator(followed.run, followed.verbose);
    this.#display = followed.display ?? plainDisplay(followed.cookbook);
    this.#desk = new Desk(temporal, followed.run, () => void this.#interrupt());
    this.#ticks = setInterval(() => void this.#tick(), quietMs);
    process.on('SIGINT', () => void this.#interrupt());
    process.on('SIGTERM', () => this.#leave(143));
    process.on('SIGHUP', () => this.#leave(129));
  }

  stop(): void {
    clearInterval(this.#ticks);
    this.#display.stop();
  }

  async watch(): Promise<number> {
    const { run, execution } = this.#followed;
    let away = false;
    for await (const batch of followHistory(this.#temporal, run, execution)) {
      if ('away' in batch) {
        if (!away) say(`! Temporal does not answer, trying again: ${batch.away}`);
        away = true;
        continue;
      }
      away = false;
      if (batch.events.length > 0) this.#lastNews = Date.now();
      this.#display.news(batch.events, this.#narrator.tell(batch.events));
      const { outcome } = this.#narrator;
      if (outcome) {
        this.#desk.stepAside();
        return this.#display.end(outcome);
      }
      void this.#desk.update(this.#narrator.needsAnswer);
    }
    throw new Error(`the history of ${run} ended without an outcome`);
  }

  async #tick(): Promise<void> {
    if (Date.now() - this.#lastNews < quietMs) return;
    try {
      this.#pending ??= new (await import('./pending.ts')).Pending(this.#temporal, this.#followed.run);
      const lines = await this.#pending.lines((id) => this.#narrator.workOf(id));
      for (const line of lines) say(`${clock(Date.now())} ${line}`);
    } catch {
      // a server that is away is told by who follows the history
    }
  }

  async #interrupt(): Promise<void> {
    if (!isInteractive()) {
      this.#leave(130);
      return;
    }
    if (this.#interrupts !== 'none') {
      this.#leave(0);
      return;
    }
    this.#interrupts = 'asking';
    this.#desk.stepAside();
    const given = await question(
      "Ctrl-C: 'detach' leaves the run alone, 'abort' cancels it and rolls back, anything else goes on following",
    );
    if (typeof given !== 'object' || given.answer === 'detach') {
      this.#leave(0);
      return;
    }
    this.#interrupts = 'none';
    if (given.answer === 'abort') await this.#abort();
    this.#desk.comeBack(given.answer === 'abort' ? 'abort' : 'nothing');
  }

  async #abort(): Promise<void> {
    this.#interrupts = 'aborting';
    try {
      await this.#temporal.client.workflow.getHandle(this.#followed.run).cancel();
      say('aborting: the run rolls back; Ctrl-C again detaches');
    } catch (error) {
      this.#interrupts = 'none';
      say(`! the run could not be cancelled: ${messageOf(error)}`);
    }
  }

  #leave(code: number): void {
    say(`detached, the run goes on: cookbook attach ${this.#followed.run}`);
    this.#detach.resolve(code);
  }
}
