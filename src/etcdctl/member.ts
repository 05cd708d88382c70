import type { EtcdCluster } from '../config/schema.ts';
import { quote } from '../remote/journal.ts';
import { clientUrl, pathOn, peerUrl } from './cluster.ts';

/** Where Debian's etcd reads its settings and keeps its data. */
const settingsFile = '/etc/default/etcd';
const dataDir = '/var/lib/etcd/default';
/** Where settings are kept that a run replaced. */
const beforeDir = '/var/lib/sumac/before';

const headOf = (run: string) => `# sumac run ${run}`;

/** What etcd's environment file says of a new member (etcd(1), `--initial-cluster-state existing`). */
export function memberSettings(
  cluster: EtcdCluster,
  fqdn: string,
  others: readonly { name: string; peerUrls: readonly string[] }[],
  run: string,
): string {
  const urls = (port: number, host: string) => `${cluster.scheme}://${host}:${port}`;
  const certificate = {
    TRUSTED_CA_FILE: pathOn(cluster.ca_cert, fqdn),
    CERT_FILE: pathOn(cluster.cert, fqdn),
    KEY_FILE: pathOn(cluster.key, fqdn),
    CLIENT_CERT_AUTH: 'true',
  };
  const peerCertificate = Object.fromEntries(Object.entries(certificate).map(([key, value]) => [`PEER_${key}`, value]));
  const initial = [...others, { name: fqdn, peerUrls: [peerUrl(cluster, fqdn)] }];
  const settings = {
    NAME: fqdn,
    DATA_DIR: dataDir,
    LISTEN_PEER_URLS: urls(cluster.peer_port, '0.0.0.0'),
    LISTEN_CLIENT_URLS: urls(cluster.client_port, '0.0.0.0'),
    INITIAL_ADVERTISE_PEER_URLS: peerUrl(cluster, fqdn),
    ADVERTISE_CLIENT_URLS: clientUrl(cluster, fqdn),
    INITIAL_CLUSTER: initial.flatMap(({ name, peerUrls }) => peerUrls.map((url) => `${name}=${url}`)).join(','),
    INITIAL_CLUSTER_STATE: 'existing',
    ...(cluster.scheme === 'https' && { ...certificate, ...peerCertificate }),
  };
  const lines = Object.entries(settings).map(([key, value]) => `ETCD_${key}="${value}"`);
  return `${[headOf(run), ...lines].join('\n')}\n`;
}

/** A command that fails, and says why, when a member could not be started on a host without harm. */
export const freshCommand = `command -v etcd >/dev/null || { echo 'etcd is not installed'; exit 1; }
systemctl is-active -q etcd && { echo 'etcd is running'; exit 1; }
[ ! -e ${dataDir}/member ] || { echo '${dataDir} holds the data of a member, which would be lost'; exit 1; }`;

/**
 * A command that writes the settings on its standard input and starts etcd with them, unless it runs.
 * What was there before is kept for {@link wipeCommand}.
 * @param sha256 of the settings: half of them are not taken
 */
export const startCommand = (sha256: string): string => `set -e
file=${settingsFile} before=${beforeDir}
mkdir -p -m 700 $before
cat >$file.new
echo '${sha256}  '$file.new | sha256sum -c --status
[ ! -e $file ] || grep -q '^# sumac run ' $file || cp -p $file $before/etcd
mv -f $file.new $file
systemctl is-enabled -q etcd 2>/dev/null || { : >$before/etcd-disabled; systemctl -q enable etcd; } 2>&1
systemctl is-active -q etcd && exit 0
systemctl reset-failed etcd 2>/dev/null || :
systemctl start etcd || { journalctl -u etcd -n 5 --no-pager -o cat; exit 1; }`;

/** A command that takes back what a run's {@link startCommand} did, data included; nothing when it did nothing. */
export const wipeCommand = (run: string): string => `set -e
file=${settingsFile} before=${beforeDir}
[ -e $file ] && [ "$(head -n 1 $file)" = ${quote(headOf(run))} ] || exit 0
systemctl stop etcd
rm -rf ${dataDir}
[ ! -e $before/etcd-disabled ] || systemctl -q disable etcd 2>&1
rm -f $before/etcd-disabled
[ ! -e $before/etcd ] || exec mv -f $before/etcd $file
rm -f $file`;
