import type { Config, EtcdCluster } from '../config/schema.ts';
import { OpsError } from '../model/errors.ts';
import { quote } from '../remote/journal.ts';

/**
 * A cluster of the configuration's `etcd_clusters`.
 * @throws ETCD_CLUSTER_UNKNOWN
 */
export function etcdCluster({ etcd_clusters: clusters }: Config, name: string): EtcdCluster {
  const cluster = Object.hasOwn(clusters, name) ? clusters[name] : undefined;
  if (cluster) return cluster;
  const known = Object.keys(clusters);
  throw new OpsError(
    'usage',
    'ETCD_CLUSTER_UNKNOWN',
    `etcd cluster '${name}' is not in the configuration's etcd_clusters: ${known.length > 0 ? `it has ${known.join(', ')}` : 'there are none'}`,
  );
}

/** URL at which the other members reach a member. */
export const peerUrl = ({ scheme, peer_port }: EtcdCluster, fqdn: string): string => `${scheme}://${fqdn}:${peer_port}`;

/** URL at which clients reach a member. */
export const clientUrl = ({ scheme, client_port }: EtcdCluster, fqdn: string): string =>
  `${scheme}://${fqdn}:${client_port}`;

/** A path of the configuration on this member. */
export const pathOn = (path: string, fqdn: string) => path.replaceAll('{fqdn}', fqdn);

/**
 * The command line of etcdctl on a member.
 * @param fqdn the member it runs on, whose certificate it uses
 * @param endpoints client URLs it asks; default the member's own
 * @param seconds after which it gives up
 */
export function etcdctlCommand(
  cluster: EtcdCluster,
  fqdn: string,
  args: readonly string[],
  endpoints: readonly string[] = [clientUrl(cluster, fqdn)],
  seconds = 5,
): string {
  const tls =
    cluster.scheme === 'http'
      ? []
      : [
          '--cacert',
          pathOn(cluster.ca_cert, fqdn),
          '--cert',
          pathOn(cluster.cert, fqdn),
          '--key',
          pathOn(cluster.key, fqdn),
        ];
  const words = ['--endpoints', endpoints.join(','), `--command-timeout=${seconds}s`, ...tls, ...args, '-w', 'json'];
  return `ETCDCTL_API=3 etcdctl ${words.map(quote).join(' ')}`;
}
