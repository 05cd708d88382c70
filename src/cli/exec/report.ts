import { type Execution, isTimeout, statesOf, succeeded, wasCancelled } from '../../model/execution.ts';
import { fold } from '../../model/host-set.ts';
import { type HostResult, groupBy } from '../../model/remote-result.ts';
import type { LiveOutput } from './live-output.ts';
import { linesOf, messageOf } from './output.ts';
import { type Line, type Paint, paint, percent, shortened } from './style.ts';

/** How reports name a command. */
export const nameOf = (index: number, command = ''): string => `command #${index + 1}: '${shortened(command)}'`;

/** Cumin's report of an execution, built line by line in its order and words (spicerack.md 4.7). */
export class Report {
  readonly #execution: Execution;
  readonly #out: Paint;
  readonly #err: Paint;
  readonly #live: LiveOutput | undefined;

  /**
   * @param colors which streams are coloured
   * @param live what a single host said and was shown already
   */
  constructor(execution: Execution, colors: { stdout: boolean; stderr: boolean }, live?: LiveOutput) {
    this.#execution = execution;
    this.#live = live;
    this.#out = paint(colors.stdout);
    this.#err = paint(colors.stderr);
  }

  /**
   * Of an execution that has ended.
   * @param told so many commands of mode sync are left out, as they were told before
   */
  lines(told = 0): Line[] {
    const { mode, globalTimeout } = this.#execution;
    const end = this.#success(succeeded(this.#execution), ' of nodes successfully executed all commands');
    if (mode === 'async') return [...this.#globalTimeout(), ...this.#all(), ...this.#cancelled(), end];
    const met = globalTimeout?.command ?? 0;
    return [
      ...this.commands(told, met),
      ...this.#globalTimeout(),
      ...this.commands(Math.max(told, met)),
      ...this.#cancelled(),
      end,
    ];
  }

  /** Of these commands of mode sync, which have ended everywhere. */
  commands(from: number, to = this.begun): Line[] {
    return this.#execution.commands.flatMap((_, index) => (index < from || index >= to ? [] : this.#command(index)));
  }

  /** How many commands were begun. */
  get begun(): number {
    const { results, globalTimeout } = this.#execution;
    return results.reduce((most, { index }) => Math.max(most, index + 1), (globalTimeout?.command ?? 0) + 1);
  }

  #command(index: number): Line[] {
    const rule = this.#single ? [this.#stdout(this.#out.blue('================'))] : [];
    const done = statesOf(this.#execution, index).success;
    const isCut = this.#execution.cancelled?.command === index;
    return [
      ...this.#output(index),
      ...rule,
      ...this.#failed(index),
      ...(isCut ? [] : [this.#success(done, ` for ${this.#name(index)}`)]),
    ];
  }

  #all(): Line[] {
    const rule = this.#single ? [this.#stdout(this.#out.blue('================'))] : [];
    const outputs = this.#execution.commands.flatMap((_, index) => this.#output(index));
    return [...outputs, ...rule, ...this.#failed(undefined)];
  }

  get #single(): boolean {
    return this.#execution.hosts.length === 1;
  }

  #output(index: number): Line[] {
    const results = this.#execution.results.filter((result) => result.index === index);
    const header = (said: string) => this.#stdout(this.#out.blue(`----- ${said} for ${this.#name(index)} -----`));
    if (this.#single)
      return results.flatMap((result) => {
        const rest = this.#live?.rest(result);
        const lines = (rest ?? linesOf(result.output)).map((line) => this.#stdout(line));
        return rest ? lines : [header('OUTPUT'), ...lines];
      });
    const said = results.filter(({ output }) => output !== '');
    const groups = groupBy(said, (result) => result.digest ?? messageOf(result)).flatMap((group) => {
      const [first] = group as [HostResult];
      const message = messageOf(first);
      return [
        this.#stdout(this.#out.blue('===== NODE GROUP =====')),
        this.#stdout(this.#out.cyan(`(${group.length}) ${fold(group.map(({ host }) => host))}`)),
        header(message === '' ? 'NO OUTPUT' : 'OUTPUT'),
        ...(message === '' ? [] : [this.#stdout(message)]),
      ];
    });
    if (groups.length > 0) return [...groups, this.#stdout(this.#out.blue('================'))];
    return this.#execution.mode === 'sync' ? [this.#stdout(this.#out.blue('===== NO OUTPUT ====='))] : [];
  }

  /** @param index only of this command */
  #failed(index: number | undefined): Line[] {
    const byHost = new Map(
      this.#execution.results
        .filter((one) => !one.ok && one.index === (index ?? one.index) && !wasCancelled(this.#execution, one))
        .map((one) => [one.host, one]),
    );
    const inOrder = this.#execution.hosts.flatMap((host) => byHost.get(host) ?? []);
    return [false, true].flatMap((timeout) =>
      groupBy(
        inOrder.filter((result) => isTimeout(result) === timeout),
        (result) => String(result.index),
      ).flatMap((group) => {
        const what = timeout ? 'timeout while executing' : 'failed to execute';
        const hosts = group.map(({ host }) => host);
        return [
          this.#status(this.#err.red, hosts.length, `of nodes ${what} ${this.#name(group[0]?.index ?? 0)}`, hosts),
          ...this.#reasons(group),
        ];
      }),
    );
  }

  /** Why no exit status became known; Cumin has ssh's own words in the output instead. */
  #reasons(results: readonly HostResult[]): Line[] {
    const words = ({ host, error }: HostResult) =>
      error?.message.replace(`${host}: `, '').replace(`${host} `, '') ?? '';
    const known = results.filter(
      (one) => one.error !== undefined && (!isTimeout(one) || wasCancelled(this.#execution, one)),
    );
    return groupBy(known, words).map((group) =>
      this.#stderr(`  ${this.#err.cyan(fold(group.map(({ host }) => host)))}: ${words(group[0] as HostResult)}`),
    );
  }

  #globalTimeout(): Line[] {
    const met = this.#execution.globalTimeout;
    if (!met) return [];
    const line = (hosts: readonly string[], what: string) =>
      this.#status(this.#err.red, hosts.length, `of nodes were ${what} when the global timeout occurred`, hosts);
    return [line(met.executing, 'executing a command'), line(met.pending, 'pending execution')];
  }

  #cancelled(): Line[] {
    const { cancelled: met, mode, results } = this.#execution;
    if (!met) return [];
    const line = (hosts: readonly string[], what: string): Line[] => {
      const text = `of nodes ${what} when the run was cancelled`;
      return hosts.length === 0 ? [] : [this.#status(this.#err.red, hosts.length, text, hosts)];
    };
    const unclear = results.filter((one) => wasCancelled(this.#execution, one) && one.error?.kind === 'unknown');
    return [
      ...line(met.executing, 'were executing a command, which was ended,'),
      ...this.#reasons(unclear),
      ...line(met.pending, `had not been sent ${mode === 'async' ? 'any command' : this.#name(met.command)}`),
    ];
  }

  #success(hosts: readonly string[], what: string): Line {
    const { hosts: all, successThreshold } = this.#execution;
    const enough = hosts.length / all.length >= successThreshold;
    const color = hosts.length === all.length ? this.#err.green : enough ? this.#err.yellow : this.#err.red;
    const message = `success ratio (${enough ? '>=' : '<'} ${percent(successThreshold)} threshold)${what}.${enough ? '' : ' Aborting.'}`;
    const some = hosts.length > 0 && hosts.length < all.length;
    return this.#status(color, hosts.length, message, some ? hosts : undefined);
  }

  #status(color: (text: string) => string, count: number, message: string, hosts?: readonly string[]): Line {
    const total = this.#execution.hosts.length;
    const text = `${percent(count / total)} (${count}/${total}) ${message}`;
    if (!hosts) return this.#stderr(color(text));
    return this.#stderr(color(`${text}: `) + this.#err.cyan(fold(hosts)));
  }

  #name(index: number): string {
    return nameOf(index, this.#execution.commands[index]?.command);
  }

  #stdout = (text: string): Line => ({ to: 'stdout', text });
  #stderr = (text: string): Line => ({ to: 'stderr', text });
}
