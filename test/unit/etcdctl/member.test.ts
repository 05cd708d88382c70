import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Config, type EtcdCluster } from '../../../src/config/schema.ts';
import { etcdCluster, etcdctlCommand, peerUrl } from '../../../src/etcdctl/cluster.ts';
import { memberSettings } from '../../../src/etcdctl/member.ts';

const config = Config.parse({
  cookbooks_base_dirs: ['/nowhere'],
  logs_base_dir: '/nowhere',
  etcd_clusters: {
    tools: { members: 'etcd-[1-3].tools' },
    lab: { members: 'etcd-1.lab', scheme: 'http', client_port: 4001, peer_port: 7001 },
  },
});
const tools: EtcdCluster = etcdCluster(config, 'tools');
const lab: EtcdCluster = etcdCluster(config, 'lab');

test('etcdctl runs on a member with that member’s certificate', () => {
  assert.equal(
    etcdctlCommand(tools, 'etcd-1.tools', ['member', 'list']),
    'ETCDCTL_API=3 etcdctl --endpoints https://etcd-1.tools:2379 --command-timeout=5s --cacert /etc/etcd/ssl/ca.pem ' +
      '--cert /etc/etcd/ssl/etcd-1.tools.pem --key /etc/etcd/ssl/etcd-1.tools.priv member list -w json',
  );
});

test('without TLS there are no certificates, and ports and endpoints are those given', () => {
  assert.equal(
    etcdctlCommand(lab, 'etcd-1.lab', ['endpoint', 'health'], ['http://a:1', 'http://b:2']),
    'ETCDCTL_API=3 etcdctl --endpoints http://a:1,http://b:2 --command-timeout=5s endpoint health -w json',
  );
  assert.equal(peerUrl(lab, 'etcd-1.lab'), 'http://etcd-1.lab:7001');
});

test('what comes from outside is one word of the shell', () => {
  const command = etcdctlCommand(lab, 'etcd-1.lab', ['member', 'add', "x'; reboot; '"]);
  assert.ok(command.includes(` 'x'\\''; reboot; '\\''' `), command);
});

test('a new member is told of all members and itself, and that the cluster exists', () => {
  const others = [
    { name: 'etcd-1.tools', peerUrls: ['https://etcd-1.tools:2380'] },
    { name: 'etcd-2.tools', peerUrls: ['https://etcd-2.tools:2380'] },
  ];
  assert.equal(
    memberSettings(tools, 'etcd-4.tools', others, 'run-1'),
    `# sumac run run-1
ETCD_NAME="etcd-4.tools"
ETCD_DATA_DIR="/var/lib/etcd/default"
ETCD_LISTEN_PEER_URLS="https://0.0.0.0:2380"
ETCD_LISTEN_CLIENT_URLS="https://0.0.0.0:2379"
ETCD_INITIAL_ADVERTISE_PEER_URLS="https://etcd-4.tools:2380"
ETCD_ADVERTISE_CLIENT_URLS="https://etcd-4.tools:2379"
ETCD_INITIAL_CLUSTER="etcd-1.tools=https://etcd-1.tools:2380,etcd-2.tools=https://etcd-2.tools:2380,etcd-4.tools=https://etcd-4.tools:2380"
ETCD_INITIAL_CLUSTER_STATE="existing"
ETCD_TRUSTED_CA_FILE="/etc/etcd/ssl/ca.pem"
ETCD_CERT_FILE="/etc/etcd/ssl/etcd-4.tools.pem"
ETCD_KEY_FILE="/etc/etcd/ssl/etcd-4.tools.priv"
ETCD_CLIENT_CERT_AUTH="true"
ETCD_PEER_TRUSTED_CA_FILE="/etc/etcd/ssl/ca.pem"
ETCD_PEER_CERT_FILE="/etc/etcd/ssl/etcd-4.tools.pem"
ETCD_PEER_KEY_FILE="/etc/etcd/ssl/etcd-4.tools.priv"
ETCD_PEER_CLIENT_CERT_AUTH="true"
`,
  );
  assert.doesNotMatch(memberSettings(lab, 'etcd-4.lab', others, 'run-1'), /CERT|KEY_FILE/);
});

test('a cluster that is not configured is answered with those that are', () => {
  assert.throws(() => etcdCluster(config, 'toString'), {
    code: 'ETCD_CLUSTER_UNKNOWN',
    message: "etcd cluster 'toString' is not in the configuration's etcd_clusters: it has tools, lab",
  });
});
