import type { Execution } from '../../src/model/execution.ts';
import { type HostResult, groupBy } from '../../src/model/remote-result.ts';
import type { RemoteHosts } from './remote.ts';

/** What hosts said: by groups of identical output when iterated, or by host. */
export class RemoteResults implements Iterable<[RemoteHosts, string]> {
  /** Which hosts succeeded, failed or were never contacted, command by command. */
  readonly execution: Execution;
  readonly results: readonly HostResult[];
  readonly #subset: (hosts: string[]) => RemoteHosts;

  constructor(execution: Execution, subset: (hosts: string[]) => RemoteHosts) {
    this.execution = execution;
    this.results = execution.results;
    this.#subset = subset;
  }

  /** Command by command, the hosts that said the same and what they said; hosts that said nothing are left out. */
  *[Symbol.iterator](): Iterator<[RemoteHosts, string]> {
    const said = this.results.filter(({ output }) => output !== '');
    for (const group of groupBy(said, ({ index, output, digest = output }) => `${index} ${digest}`))
      yield [this.#subset(group.map(({ host }) => host)), group[0]?.output ?? ''];
  }

  /** What hosts said, trimmed, or what is made of it, by groups of identical output. */
  toList<T>(of: (output: string, hosts: RemoteHosts) => T): [RemoteHosts, T][] {
    return [...this].map(([hosts, output]) => [hosts, of(output.trim(), hosts)]);
  }

  /** What a host said to the last command, whole lines trimmed at both ends. */
  output(host: string): string {
    return this.results.findLast((result) => result.host === host)?.output.trim() ?? '';
  }

  /** Results of one host, command by command. */
  of(host: string): HostResult[] {
    return this.results.filter((result) => result.host === host);
  }
}
