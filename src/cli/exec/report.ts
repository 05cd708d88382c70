import { type Execution, isTimeout, statesOf, succeeded } from '../../model/execution.ts';
import { fold } from '../../model/host-set.ts';
import { type HostResult, groupBy } from '../../model/remote-result.ts';
import { linesOf, messageOf } from './output.ts';
import { type Line, type Paint, paint, percent, shortened } from './style.ts';

/** Cumin's report of an execution, built line by line in its order and words (spicerack.md 4.7). */
export class Report {
  readonly #execution: Execution;
  readonly #out: Paint;
  readonly #err: Paint;

  /** @param colors which streams are coloured */
  constructor(execution: Execution, colors: { stdout: boolean; stderr: boolean }) {
    this.#execution = execution;
    this.#out = paint(colors.stdout);
    this.#err = paint(colors.stderr);
  }

  /** All of it, for an execution that has ended. */
  lines(): Line[] {
    return [...this.#globalTimeout(), ...this.#body(), ...this.end()];
  }

  #body(): Line[] {
    const indexes = this.#execution.commands.map((_, index) => index);
    if (this.#execution.mode === 'sync') return indexes.slice(0, this.#begun).flatMap((index) => this.command(index));
    const rule = this.#single ? [this.#stdout(this.#out.blue('================'))] : [];
    return [...indexes.flatMap((index) => this.#output(index)), ...rule, ...this.#failed(undefined)];
  }

  /** Of one command of mode sync, once it has ended everywhere. */
  command(index: number): Line[] {
    const rule = this.#single ? [this.#stdout(this.#out.blue('================'))] : [];
    const done = statesOf(this.#execution, index).success;
    return [...this.#output(index), ...rule, ...this.#failed(index), this.#success(done, ` for ${this.#name(index)}`)];
  }

  /** What it comes to. */
  end(): Line[] {
    return [this.#success(succeeded(this.#execution), ' of nodes successfully executed all commands')];
  }

  /** How many commands were begun. */
  get #begun(): number {
    const { results, globalTimeout } = this.#execution;
    return results.reduce((most, { index }) => Math.max(most, index + 1), (globalTimeout?.command ?? 0) + 1);
  }

  get #single(): boolean {
    return this.#execution.hosts.length === 1;
  }

  #output(index: number): Line[] {
    const results = this.#execution.results.filter((result) => result.index === index);
    const header = (said: string) => this.#stdout(this.#out.blue(`----- ${said} for ${this.#name(index)} -----`));
    if (this.#single)
      return results.flatMap(({ output }) => [header('OUTPUT'), ...linesOf(output).map((line) => this.#stdout(line))]);
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
        .filter((one) => !one.ok && one.index === (index ?? one.index))
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
    const known = results.filter((result) => result.error !== undefined && !isTimeout(result));
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
    return `command #${index + 1}: '${shortened(this.#execution.commands[index]?.command ?? '')}'`;
  }

  #stdout = (text: string): Line => ({ to: 'stdout', text });
  #stderr = (text: string): Line => ({ to: 'stderr', text });
}
