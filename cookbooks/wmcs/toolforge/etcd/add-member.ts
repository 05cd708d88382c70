import { duration, hostName, type Command, type Spicerack } from '../../../../src/sumac.ts';

export const title = 'Add a member to an etcd cluster';

export const argumentParser = (parser: Command) =>
  parser
    .argument('<cluster>', 'name of the cluster in the configuration')
    .argument('<fqdn>', 'full name of the host that becomes a member', hostName)
    .option('--catch-up <duration>', 'how long the new member may take to catch up', duration, '30m');

interface Args {
  cluster: string;
  fqdn: string;
  catchUp: string;
}

export const hosts = ({ fqdn }: Args) => fqdn;
export const lockHosts = true;
export const lockArgs = ({ cluster }: Args) => ({ suffix: cluster, concurrency: 1 });
export const runtimeDescription = ({ cluster, fqdn }: Args) => `${fqdn} to ${cluster}`;

export function run({ cluster, fqdn, catchUp }: Args, spicerack: Spicerack) {
  const etcd = spicerack.etcdctl(cluster);
  const step = spicerack.step.bind(spicerack);

  // Shared by everything that changes the members of this cluster.
  return spicerack.lock(`etcd:${cluster}`, { concurrency: 1 }, async () => {
    await step('cluster is in order', { check: () => etcd.healthy(), within: '1m' });
    const { via, members } = await step('note the members', { read: () => etcd.members() });
    if (members.some(({ peerUrls }) => peerUrls.some((url) => url.includes(`//${fqdn}:`)))) {
      spicerack.log.info(`${fqdn} is a member of ${cluster} already`);
      return;
    }
    await step('new host has no etcd', { read: () => etcd.checkFresh(fqdn) });

    // A learner has no vote: the quorum stays as it is until the new member has proven itself (etcd 3.4 and later).
    await step('add the member', {
      write: () => etcd.memberAdd(fqdn, via),
      probe: async () => (await etcd.findMember(fqdn)) !== undefined,
      undo: () => etcd.memberRemove(fqdn),
    });
    await step('start the member', {
      write: () => etcd.startMember(fqdn),
      undo: () => etcd.wipeMember(fqdn),
    });
    await step('member has caught up', { check: () => etcd.caughtUp(fqdn), within: catchUp });
    await step('give the member its vote', {
      write: () => etcd.memberPromote(fqdn),
      probe: async () => (await etcd.findMember(fqdn))?.learner === false,
    });
    await step('all members are healthy', { check: () => etcd.healthy(members.length + 1), within: '5m' });
    spicerack.report({ cluster, added: fqdn, members: members.length + 1 });
  });
}
