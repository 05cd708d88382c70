import { messageOf } from '../../model/errors.ts';
import type { Prompt } from '../../model/run.ts';
import { sendAnswer } from '../answer.ts';
import { howToAnswer } from '../how-to-answer.ts';
import type { Temporal } from '../client.ts';
import { operator } from '../globals.ts';
import { statusOf } from '../served.ts';
import { isInteractive, question, say } from '../terminal.ts';

/** Where the prompts of a followed run are asked: at the terminal, one at a time, or told to whoever may answer elsewhere. */
export class Desk {
  readonly #temporal: Temporal;
  readonly #run: string;
  readonly #interrupted: () => void;
  #interactive = isInteractive();
  #open: Prompt[] = [];
  #asked: { prompt: Prompt; withdraw: AbortController } | undefined;
  #told = new Set<string>();
  #away = false;

  /** @param interrupted is called after Ctrl-C at a question */
  constructor(temporal: Temporal, run: string, interrupted: () => void) {
    this.#temporal = temporal;
    this.#run = run;
    this.#interrupted = interrupted;
  }

  /** Brings the questions in line with what the run asks. */
  async update(needsAnswer: boolean): Promise<void> {
    if (!needsAnswer && this.#open.length === 0) return;
    try {
      this.#open = needsAnswer ? (await statusOf(this.#temporal, this.#run)).prompts : [];
    } catch (error) {
      say(`! the run waits for an answer; what it asks is not known: ${messageOf(error)}`);
      return;
    }
    const asked = this.#asked;
    if (asked && !this.#open.some(({ id }) => id === asked.prompt.id)) asked.withdraw.abort();
    this.#next();
  }

  /** Takes the question from the terminal, for another one, until {@link comeBack}. */
  stepAside(): void {
    this.#away = true;
    this.#asked?.withdraw.abort();
  }

  /** @param after what the run will ask may have changed: then wait for it to ask again */
  comeBack(after: 'nothing' | 'abort'): void {
    this.#away = false;
    if (after === 'abort') this.#open = [];
    this.#next();
  }

  #next(): void {
    if (!this.#interactive) {
      this.#tell();
      return;
    }
    const [prompt] = this.#open;
    if (prompt && !this.#asked && !this.#away) void this.#ask(prompt);
  }

  #tell(): void {
    for (const { id, message, choices } of this.#open.filter((prompt) => !this.#told.has(prompt.id))) {
      this.#told.add(id);
      say(`==> ${message}`);
      say(`    answer it: ${howToAnswer(this.#run, choices, this.#open.length > 1 ? id : undefined)}`);
    }
  }

  async #ask(prompt: Prompt): Promise<void> {
    const withdraw = new AbortController();
    this.#asked = { prompt, withdraw };
    const choices = prompt.choices ? ` [${prompt.choices.join(', ')}]` : '';
    const given = await question(`${prompt.message}${choices}`, withdraw.signal);
    if (typeof given === 'object') await this.#answer(prompt, given.answer);
    this.#asked = undefined;
    if (given === 'interrupted') {
      this.#interrupted();
      return;
    }
    if (given === 'closed') {
      this.#interactive = false;
      say('the terminal answers no more; the run still waits');
    }
    this.#next();
  }

  async #answer({ id, choices }: Prompt, value: string): Promise<void> {
    if (choices && !choices.includes(value)) {
      say(`==> Invalid answer '${value}': type ${choices.map((choice) => `'${choice}'`).join(' or ')}`);
      return;
    }
    this.#open = this.#open.filter((prompt) => prompt.id !== id);
    try {
      await sendAnswer(this.#temporal, this.#run, { value, by: operator(), prompt: id });
    } catch (error) {
      say(`==> ${messageOf(error)}`);
    }
    // Refused or lost: it is asked again if it is still open.
    try {
      this.#open = (await statusOf(this.#temporal, this.#run)).prompts;
    } catch {
      // told when the run asks again
    }
  }
}
