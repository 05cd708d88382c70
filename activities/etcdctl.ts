import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { clientUrl, etcdCluster, peerUrl } from '../src/etcdctl/cluster.ts';
import { type Answer, Etcdctl, endpointsOf } from '../src/etcdctl/ctl.ts';
import { freshCommand, memberSettings, startCommand, wipeCommand } from '../src/etcdctl/member.ts';
import { type EtcdMember, parseAlarms, parseHealth, parseStatus, withoutLog } from '../src/etcdctl/parse.ts';
import { OpsError, isOpsError } from '../src/model/errors.ts';
import { type Call, condition, converge, oneShot, read } from './define.ts';

interface OfCluster {
  /** Name of the cluster in the configuration's `etcd_clusters`. */
  cluster: string;
}
interface OfMember extends OfCluster {
  /** Full name of the member's host. */
  fqdn: string;
}

const ctlOf = ({ cluster }: OfCluster, { deps, signal }: Call) =>
  new Etcdctl(etcdCluster(deps.config, cluster), deps.remote, signal);

const notYet = (why: string) => new OpsError('not-yet', 'NOT_YET', why);
const oneLine = (text: string) => text.trim().replaceAll('\n', '; ');
const textOf = ({ output }: Answer) => oneLine(withoutLog(output).slice(0, 500)) || 'etcdctl said nothing';

/** What etcd answers when it has changed nothing; after anything else only the list of members tells. */
const refusals =
  /etcdserver: (unhealthy cluster|Peer URLs already exists|member ID already exist|too many learner members|re-configuration failed)/;

async function add({ cluster, fqdn, via }: OfMember & { via: string }, call: Call): Promise<void> {
  const ctl = ctlOf({ cluster }, { ...call, signal: AbortSignal.timeout(30_000) });
  const url = peerUrl(ctl.cluster, fqdn);
  let answer: Answer;
  try {
    answer = await ctl.change(via, ['member', 'add', fqdn, '--learner', `--peer-urls=${url}`]);
  } catch (error) {
    if (isOpsError(error) && error.code !== 'CONNECTION_LOST') throw error;
    throw new OpsError(
      'unknown',
      'MEMBER_ADD_UNKNOWN',
      `etcd ${cluster}: ${url} may have been added: ${String(error)}`,
    );
  }
  if (answer.exitCode === 0) return;
  // 126, 127: the shell found no etcdctl.
  const refused = refusals.test(answer.output) || answer.exitCode === 126 || answer.exitCode === 127;
  if (refused)
    throw new OpsError('failed', 'MEMBER_ADD_REFUSED', `etcd ${cluster}: ${url} was not added: ${textOf(answer)}`);
  throw new OpsError('unknown', 'MEMBER_ADD_UNKNOWN', `etcd ${cluster}: ${url} may have been added: ${textOf(answer)}`);
}

/** A proposal that timed out may still be accepted: a member counts as absent only when it is so twice with this between. */
const settleMs = 10_000;

async function remove({ cluster, fqdn }: OfMember, call: Call): Promise<void> {
  const ctl = ctlOf({ cluster }, call);
  const member = await ctl.find(peerUrl(ctl.cluster, fqdn));
  if (!member) return;
  const { via, members } = await ctl.members();
  const rest = members.filter(({ id, learner, started }) => id !== member.id && !learner && started);
  const { output } = await ctl.ask(via, ['endpoint', 'health'], endpointsOf(rest));
  const healthy = parseHealth(output).filter(({ health }) => health).length;
  if (healthy <= rest.length / 2)
    throw new OpsError(
      'failed',
      'ETCD_UNHEALTHY_WITHOUT',
      `etcd ${cluster}: ${fqdn} stays a member, as without it only ${healthy} of ${rest.length} members are healthy`,
    );
  const answer = await ctl.change(via, ['member', 'remove', member.id]);
  if (answer.exitCode !== 0 && !answer.output.includes('member not found'))
    throw new OpsError(
      'transient',
      'MEMBER_REMOVE_FAILED',
      `etcd ${cluster}: ${fqdn} was not removed: ${textOf(answer)}`,
    );
}

async function promote({ cluster, fqdn }: OfMember, call: Call): Promise<void> {
  const ctl = ctlOf({ cluster }, call);
  const member = await ctl.find(peerUrl(ctl.cluster, fqdn));
  if (!member) throw new OpsError('failed', 'MEMBER_UNKNOWN', `etcd ${cluster}: ${fqdn} is no member`);
  if (!member.learner) return;
  const { via } = await ctl.members();
  const answer = await ctl.change(via, ['member', 'promote', member.id]);
  if (answer.exitCode !== 0 && !answer.output.includes('can only promote a learner member\n'))
    throw new OpsError(
      'transient',
      'MEMBER_PROMOTE_FAILED',
      `etcd ${cluster}: ${fqdn} has no vote yet: ${textOf(answer)}`,
    );
}

/** How many entries of the log a member may be behind; etcd itself lets one vote that has nine tenths of it. */
const mostBehind = 1000n;

async function caughtUp({ cluster, fqdn }: OfMember, call: Call): Promise<void> {
  const ctl = ctlOf({ cluster }, call);
  const { via, members } = await ctl.members();
  const url = peerUrl(ctl.cluster, fqdn);
  const member = members.find(({ peerUrls }) => peerUrls.includes(url));
  if (!member?.started) throw notYet(`etcd on ${fqdn} has not joined ${cluster}`);
  const statuses = parseStatus((await ctl.ask(via, ['endpoint', 'status'], endpointsOf(members))).output);
  const own = statuses.find(({ memberId }) => memberId === member.id);
  const leader = statuses.find(({ memberId, leaderId }) => memberId === leaderId);
  if (!own) throw notYet(`etcd on ${fqdn} does not answer at ${clientUrl(ctl.cluster, fqdn)}`);
  if (!leader) throw notYet(`etcd ${cluster} has no leader that answers`);
  const behind = leader.raftIndex - own.raftAppliedIndex;
  if (behind > mostBehind) throw notYet(`etcd on ${fqdn} is ${behind} entries behind the leader`);
  const alarms = parseAlarms((await ctl.ask(via, ['alarm', 'list'])).output);
  if (alarms.length > 0) throw notYet(`etcd ${cluster}: alarm ${alarms.join(', ')}`);
}

async function startMember({ cluster, fqdn }: OfMember, call: Call): Promise<void> {
  const ctl = ctlOf({ cluster }, call);
  const { members } = await ctl.members();
  const own = peerUrl(ctl.cluster, fqdn);
  const others = members.filter(({ peerUrls, name }) => name !== '' && !peerUrls.includes(own));
  const settings = memberSettings(ctl.cluster, fqdn, others, call.run);
  const sha256 = createHash('sha256').update(settings).digest('hex');
  const options = { stdin: settings, signal: call.signal };
  const { exitCode, capture } = await call.deps.remote.run(fqdn, startCommand(sha256), options);
  if (exitCode !== 0)
    throw new OpsError(
      'transient',
      'ETCD_NOT_STARTED',
      `etcd on ${fqdn} does not start: ${oneLine(capture.output(1500).text)}`,
    );
}

/** etcd clusters, through etcdctl on their members. */
export const etcdctl = {
  /** The members, and the host that listed them. Throws ETCD_CLUSTER_UNKNOWN, ETCD_UNREACHABLE. */
  'etcdctl.members': read(async (input: OfCluster, call) => ctlOf(input, call).members()),

  /**
   * Holds when at least `least` members are there (default 3), each of them started, with a vote and healthy, and no alarm is on.
   */
  'etcdctl.healthy': condition(async ({ cluster, least = 3 }: OfCluster & { least?: number }, call) => {
    const ctl = ctlOf({ cluster }, call);
    const list = await ctl.members();
    const few = list.members.length < least ? [`it has ${list.members.length} members, at least ${least} needed`] : [];
    const problems = [...few, ...(await ctl.problems(list))];
    if (problems.length > 0) throw notYet(`etcd ${cluster} is not in order: ${problems.join('; ')}`);
    return list;
  }),

  /** The member of a host by its peer URL, also one that was never started; nothing when there is none. Throws ETCD_UNREACHABLE. */
  'etcdctl.findMember': read(async ({ cluster, fqdn }: OfMember, call): Promise<{ member?: EtcdMember }> => {
    const ctl = ctlOf({ cluster }, call);
    const url = peerUrl(ctl.cluster, fqdn);
    const first = await ctl.find(url);
    if (first) return { member: first };
    await sleep(settleMs, undefined, { signal: call.signal });
    const member = await ctl.find(url);
    return member ? { member } : {};
  }),

  /**
   * Adds a host as a learner, which has no vote: until it has caught up, the others stay as safe as they were.
   * Run on the member `via`. Throws MEMBER_ADD_REFUSED, MEMBER_ADD_UNKNOWN, UNREACHABLE.
   */
  'etcdctl.memberAdd': oneShot(add),

  /** Gives a learner its vote; etcd refuses until it has caught up. Throws MEMBER_PROMOTE_FAILED, MEMBER_UNKNOWN. */
  'etcdctl.memberPromote': converge(promote),

  /** Removes the member with a host's peer URL, if the others are enough without it. Throws ETCD_UNHEALTHY_WITHOUT, MEMBER_REMOVE_FAILED. */
  'etcdctl.memberRemove': converge(remove),

  /** Holds when a host's member runs, is near the leader in the log, and no alarm is on. */
  'etcdctl.caughtUp': condition(caughtUp),

  /** Passes when a member can be started on a host without losing data. Throws ETCD_HOST_NOT_FRESH. */
  'etcdctl.checkFresh': read(async ({ fqdn }: { fqdn: string }, call): Promise<void> => {
    const { exitCode, capture } = await call.deps.remote.run(fqdn, freshCommand, { signal: call.signal });
    if (exitCode !== 0)
      throw new OpsError(
        'failed',
        'ETCD_HOST_NOT_FRESH',
        `${fqdn} cannot become a member: ${oneLine(capture.output(500).text)}`,
      );
  }),

  /** Writes the settings of a host's etcd for joining the cluster, and starts it. Throws ETCD_NOT_STARTED. */
  'etcdctl.startMember': converge(startMember),

  /** Stops the etcd that this run started on a host, removes its data and puts its old settings back. Throws COMMAND_FAILED. */
  'etcdctl.wipeMember': converge(async ({ fqdn }: { fqdn: string }, call): Promise<void> => {
    await call.deps.remote.text(fqdn, wipeCommand(call.run), { signal: call.signal });
  }),
};
