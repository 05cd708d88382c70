import type { EtcdCluster } from '../config/schema.ts';
import { OpsError, isOpsError, messageOf } from '../model/errors.ts';
import { expand, fold } from '../model/host-set.ts';
import { mostPerHost } from '../remote/output.ts';
import type { Remote } from '../remote/remote.ts';
import { etcdctlCommand } from './cluster.ts';
import { type EtcdMember, parseAlarms, parseHealth, parseMembers } from './parse.ts';

/** What etcdctl ended with on one member. */
export interface Answer {
  exitCode: number | null;
  output: string;
}

/** etcdctl on the members of one cluster, by ssh. */
export class Etcdctl {
  readonly cluster: EtcdCluster;
  readonly #remote: Remote;
  readonly #signal: AbortSignal;

  constructor(cluster: EtcdCluster, remote: Remote, signal: AbortSignal) {
    this.cluster = cluster;
    this.#remote = remote;
    this.#signal = signal;
  }

  get hosts(): string[] {
    return expand(this.cluster.members);
  }

  /** Runs an etcdctl that looks, on a member, asking its own etcd or the given endpoints. @throws UNREACHABLE */
  ask(host: string, args: readonly string[], endpoints?: readonly string[]): Promise<Answer> {
    return this.#run(host, etcdctlCommand(this.cluster, host, args, endpoints));
  }

  /** Runs an etcdctl that changes the members: etcd takes up to 7 s to say that it could not. @throws UNREACHABLE */
  change(host: string, args: readonly string[]): Promise<Answer> {
    return this.#run(host, etcdctlCommand(this.cluster, host, args, undefined, 15));
  }

  async #run(host: string, command: string): Promise<Answer> {
    const { exitCode, capture } = await this.#remote.run(host, command, { signal: this.#signal });
    return { exitCode, output: capture.output(mostPerHost).text };
  }

  /** The members as the first host lists them that can, and that host. @throws ETCD_UNREACHABLE */
  async members(): Promise<MemberList> {
    const failures: string[] = [];
    for (const host of this.hosts) {
      const list = await this.#list(host);
      if (typeof list !== 'string') return list;
      failures.push(list);
    }
    throw this.#unreachable(failures, 1);
  }

  /**
   * The member with a peer URL, as any host lists it: one host alone may be behind.
   * @throws ETCD_UNREACHABLE when too few hosts answered to say that there is none
   */
  async find(peerUrl: string): Promise<EtcdMember | undefined> {
    const { hosts } = this;
    const lists = await Promise.all(hosts.map((host) => this.#list(host)));
    const found = lists
      .flatMap((list) => (typeof list === 'string' ? [] : list.members))
      .find(({ peerUrls }) => peerUrls.includes(peerUrl));
    const failures = lists.filter((list) => typeof list === 'string');
    if (!found && failures.length >= hosts.length / 2)
      throw this.#unreachable(failures, Math.floor(hosts.length / 2) + 1);
    return found;
  }

  /** What keeps the cluster from being in order, with all members started, voting and healthy. */
  async problems({ via, members }: MemberList): Promise<string[]> {
    const voters = members.filter(({ started, learner }) => started && !learner);
    const odd = members.filter((member) => !voters.includes(member));
    const { output } = await this.ask(via, ['endpoint', 'health'], endpointsOf(voters));
    const ill = parseHealth(output).filter(({ health }) => !health);
    const alarms = parseAlarms((await this.ask(via, ['alarm', 'list'])).output);
    return [
      ...ill.map(({ endpoint, error }) => `${endpoint} is not healthy${error === undefined ? '' : `: ${error}`}`),
      ...odd.map(({ peerUrls, started }) => `${peerUrls.join()} ${started ? 'is a learner' : 'was never started'}`),
      ...alarms.map((alarm) => `alarm ${alarm}`),
    ];
  }

  /** The members as a host lists them, or why it cannot. */
  async #list(host: string): Promise<MemberList | string> {
    try {
      return { via: host, members: parseMembers((await this.ask(host, ['member', 'list'])).output) };
    } catch (error) {
      if (this.#signal.aborted || !isOpsError(error)) throw error;
      return `${host}: ${messageOf(error)}`;
    }
  }

  #unreachable(failures: readonly string[], least: number): OpsError {
    const { hosts } = this;
    return new OpsError(
      'transient',
      'ETCD_UNREACHABLE',
      `${hosts.length - failures.length} of the etcd members ${fold(hosts)} answered, ${least} needed: ${failures.join('; ')}`,
    );
  }
}

/** The members as one host lists them. */
export interface MemberList {
  via: string;
  members: EtcdMember[];
}

/** One client URL of each member. */
export const endpointsOf = (members: readonly EtcdMember[]): string[] =>
  members.flatMap(({ clientUrls: [first] }) => (first === undefined ? [] : [first]));
