import type { EtcdMember } from '../../src/etcdctl/parse.ts';
import { call } from '../engine/call.ts';

/** One etcd cluster (Spicerack's `toolforge.etcdctl`); members are known by their host's full name. */
export class Etcdctl {
  readonly cluster: string;

  /** @param cluster its name in the configuration's `etcd_clusters` */
  constructor(cluster: string) {
    this.cluster = cluster;
  }

  /** The members, and the host that listed them. @throws ETCD_CLUSTER_UNKNOWN, ETCD_UNREACHABLE */
  members(): Promise<{ via: string; members: EtcdMember[] }> {
    return call('etcdctl.members', { cluster: this.cluster });
  }

  /** Condition: at least `least` members, all of them started, voting and healthy, and no alarm. */
  healthy(least = 3): Promise<{ via: string; members: EtcdMember[] }> {
    return call('etcdctl.healthy', { cluster: this.cluster, least });
  }

  /** The member on a host, also one that was never started. @throws ETCD_UNREACHABLE */
  async findMember(fqdn: string): Promise<EtcdMember | undefined> {
    return (await call('etcdctl.findMember', { cluster: this.cluster, fqdn })).member;
  }

  /**
   * Makes a host a member without a vote; a command sent once, so probe with {@link findMember}.
   * @param via the member that is asked to
   * @throws UnknownOutcome, MEMBER_ADD_REFUSED, UNREACHABLE
   */
  memberAdd(fqdn: string, via: string): Promise<void> {
    return call('etcdctl.memberAdd', { cluster: this.cluster, fqdn, via });
  }

  /** Gives a learner its vote. @throws MEMBER_PROMOTE_FAILED, MEMBER_UNKNOWN */
  memberPromote(fqdn: string): Promise<void> {
    return call('etcdctl.memberPromote', { cluster: this.cluster, fqdn });
  }

  /** Removes the member on a host, started or not. @throws ETCD_UNHEALTHY_WITHOUT, MEMBER_REMOVE_FAILED */
  memberRemove(fqdn: string): Promise<void> {
    return call('etcdctl.memberRemove', { cluster: this.cluster, fqdn });
  }

  /** Condition: the member on a host runs and is near the leader in the log. */
  caughtUp(fqdn: string): Promise<void> {
    return call('etcdctl.caughtUp', { cluster: this.cluster, fqdn });
  }

  /** Passes when a member can be started on a host without losing data. @throws ETCD_HOST_NOT_FRESH */
  checkFresh(fqdn: string): Promise<void> {
    return call('etcdctl.checkFresh', { fqdn });
  }

  /** Configures and starts etcd on a host that was added. @throws ETCD_NOT_STARTED */
  startMember(fqdn: string): Promise<void> {
    return call('etcdctl.startMember', { cluster: this.cluster, fqdn });
  }

  /** Takes back what this run's {@link startMember} did on a host, data included. */
  wipeMember(fqdn: string): Promise<void> {
    return call('etcdctl.wipeMember', { fqdn });
  }
}
