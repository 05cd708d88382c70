import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import type { Holding } from './check.ts';
import type { Network } from './network.ts';
import type { Notes } from './notes.ts';
import type { Workers } from './workers.ts';

/** Something that goes wrong, and is put right again. */
export type Fault = readonly [name: string, body: () => Promise<unknown>];

/** What goes wrong in the cluster, one after the other; a majority is always left. */
export function clusterFaults(cluster: Cluster): Fault[] {
  const { network, names } = cluster;
  const peersOf = (name: string) => names.filter((other) => other !== name);
  const killed = async (name: string) => {
    await cluster.killMember(name);
    await sleep(3000);
    cluster.startMember(name);
  };
  const cut = async (name: string, from: readonly string[]) => {
    await network.drop(name, from);
    await sleep(4000);
    await network.heal(name);
  };
  const leader = async () => (await cluster.roles()).leader;
  const follower = async () => (await cluster.roles()).followers[0] ?? '';
  return [
    ['the leader is killed', async () => killed(await leader())],
    ['the leader moves', async () => moveLeader(cluster)],
    ['what was is compacted, and members are defragmented', async () => compact(cluster)],
    ['the leader hears nothing of its peers', async () => leader().then((name) => cut(name, peersOf(name)))],
    ['a follower is killed', async () => killed(await follower())],
    ['a follower hears nothing of its peers', async () => follower().then((name) => cut(name, peersOf(name)))],
    ['a follower is frozen', async () => frozen(cluster, await follower(), 4000)],
    ['the leader moves again', async () => moveLeader(cluster)],
  ];
}

async function moveLeader(cluster: Cluster): Promise<void> {
  const { leader, followers } = await cluster.roles();
  const { id } = await cluster.status(followers[0] ?? '');
  await cluster.ctl([leader], 'move-leader', BigInt(id).toString(16));
}

async function compact(cluster: Cluster): Promise<void> {
  const [first = ''] = cluster.names;
  const { revision } = await cluster.status(first);
  await cluster.ctl([first], 'compact', revision);
  for (const name of cluster.names) await cluster.ctl([name], 'defrag');
}

async function frozen(cluster: Cluster, name: string, ms: number): Promise<void> {
  cluster.freeze(name, true);
  await sleep(ms);
  cluster.freeze(name, false);
}

/**
 * A leader that was away for shorter than any lease had left. One that was away for longer revokes, in etcd older than
 * 2024, what ran out by its own reckoning although others renewed it: the lock is then lost before its time.
 */
export const frozenLeader = (cluster: Cluster): Fault => [
  'the leader is frozen',
  async () => frozen(cluster, (await cluster.roles()).leader, 2500),
];

/** The workers whose runs learn late that they have lost their locks, and what these did meanwhile. */
export const away = { frozen: 'w2', cutOff: 'w3' } as const;

/** What goes wrong with workers. @param late told of each run that was overtaken while its worker was away */
export function workerFaults(
  { workers, network, notes }: { workers: Workers; network: Network; notes: Notes },
  members: readonly string[],
  late: (holding: Holding) => void,
): Fault[] {
  const clocks = (minutes: Record<string, number>) => async () => {
    for (const [place, wrong] of Object.entries(minutes)) workers.setClock(place, wrong);
  };
  return [
    ['a worker is killed', () => workers.replace('w1')],
    ['clocks are set', clocks({ w1: -7, w2: 9, w4: -2 })],
    [
      'a worker is frozen until others have got its lock',
      async () => {
        const holding = await notes.longHolding(away.frozen, 3000);
        workers.freeze(away.frozen, true);
        await notes.overtaken(holding);
        workers.freeze(away.frozen, false);
        late(holding);
      },
    ],
    ['another worker is killed', () => workers.replace('w4')],
    [
      'a worker hears nothing of etcd until others have got its lock, and its clock is set back',
      async () => {
        const holding = await notes.longHolding(away.cutOff, 7000);
        await network.drop(away.cutOff, members);
        workers.setClock(away.cutOff, -30);
        await notes.overtaken(holding);
        await sleep(5000);
        await network.heal(away.cutOff);
      },
    ],
    ['clocks are set again', clocks({ w1: 5, w2: -5, w3: 20, w4: 3 })],
    ['a worker is killed once more', () => workers.replace('w2')],
  ];
}
