import type { EtcdCluster } from '../config/schema.ts';
import { OpsError, isOpsError, messageOf } from '../model/errors.ts';
import { expand } from '../model/host-set.ts';
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

  /** Runs etcdctl on a member, asking its own etcd or the given endpoints. @throws UNREACHABLE */
  async run(host: string, args: readonly string[], endpoints?: readonly string[]): Promise<Answer> {
    const command = etcdctlCommand(this.cluster, host, args, endpoints);
    const { exitCode, capture } = await this.#remote.run(host, command, { signal: this.#signal });
    return { exitCode, output: capture.output(mostPerHost).text };
  }

  /** The members as the first host lists them that can, and that host. @throws ETCD_UNREACHABLE */
  async members(): Promise<{ via: string; members: EtcdMember[] }> {
    const [first] = await this.#lists(1);
    return first;
  }

  /**
   * The member with a peer URL, as any host lists it: one host alone may be behind.
   * @throws ETCD_UNREACHABLE when too few hosts answered to say that there is none
   */
  async find(peerUrl: string): Promise<EtcdMember | undefined> {
    const lists = await this.#lists(Math.floor(this.hosts.length / 2) + 1);
    return lists.flatMap(({ members }) => members).find(({ peerUrls }) => peerUrls.includes(peerUrl));
  }

  /** What keeps the cluster from being in order, with all members started, voting and healthy. */
  async problems({ via, members }: { via: string; members: readonly EtcdMember[] }): Promise<string[]> {
    const voters = members.filter(({ started, learner }) => started && !learner);
    const odd = members.filter((member) => !voters.includes(member));
    const { output } = await this.run(via, ['endpoint', 'health'], endpointsOf(voters));
    const ill = parseHealth(output).filter(({ health }) => !health);
    const alarms = parseAlarms((await this.run(via, ['alarm', 'list'])).output);
    return [
      ...ill.map(({ endpoint, error }) => `${endpoint} is not healthy${error === undefined ? '' : `: ${error}`}`),
      ...odd.map(({ peerUrls, started }) => `${peerUrls.join()} ${started ? 'is a learner' : 'was never started'}`),
      ...alarms.map((alarm) => `alarm ${alarm}`),
    ];
  }

  /** Every host's list of members; at least `least` of them. */
  async #lists(least: number): Promise<[MemberList, ...MemberList[]]> {
    const lists: MemberList[] = [];
    const failures: string[] = [];
    for (const host of this.hosts) {
      if (least === 1 && lists.length === 1) break;
      try {
        lists.push({ via: host, members: parseMembers((await this.run(host, ['member', 'list'])).output) });
      } catch (error) {
        if (this.#signal.aborted || !isOpsError(error)) throw error;
        failures.push(`${host}: ${messageOf(error)}`);
      }
    }
    const [first, ...others] = lists;
    if (first && lists.length >= least) return [first, ...others];
    throw new OpsError(
      'transient',
      'ETCD_UNREACHABLE',
      `${lists.length} of the etcd members ${this.cluster.members} answered, ${least} needed: ${failures.join('; ')}`,
    );
  }
}

interface MemberList {
  via: string;
  members: EtcdMember[];
}

/** One client URL of each member. */
export const endpointsOf = (members: readonly EtcdMember[]): string[] =>
  members.flatMap(({ clientUrls: [first] }) => (first === undefined ? [] : [first]));

/** Host name in a member's peer URL. */
export const hostOf = (peerUrl: string): string => new URL(peerUrl).hostname;
