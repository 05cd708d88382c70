import { ActivityFailure, CancelledFailure, sleep, uuid4 } from '@temporalio/workflow';
import type { InputOf } from '../../activities/index.ts';
import { OpsError } from '../../src/model/errors.ts';
import { type Execution, type Mode, RemoteExecutionError, globalTimeoutOf, passed } from '../../src/model/execution.ts';
import { sorted } from '../../src/model/host-set.ts';
import type { HostCommand, HostResult } from '../../src/model/remote-result.ts';
import { type CommandSpec, type Plan, type RunSyncOptions, planOf } from '../../src/model/run-options.ts';
import { unpackResults } from '../../src/model/slice-result.ts';
import { call } from '../engine/call.ts';
import { isUnknownOutcome } from '../engine/failure.ts';
import { uncancellable } from '../engine/hold.ts';
import { currentRun } from '../engine/run-state.ts';
import { SharedBudget } from './shared-budget.ts';

/** How the hosts of a query are worked on. */
export interface RemoteOptions {
  /** Prefix every command with sudo, and transfer files as root. */
  useSudo?: boolean;
  /** Reach them while their installer runs. */
  installer?: boolean;
  /** Most hosts served by one activity, as `ssh.slice_size` says when the hosts are resolved; default 1000. */
  sliceSize?: number;
}

/** Which hosts a query may give, and how they are worked on. */
export interface QueryOptions extends RemoteOptions {
  /** Take a query that gives no host. */
  allowEmpty?: boolean;
  /** Refuse a query that gives more; `--max-hosts`, else the configuration's `max_hosts`, counts too. */
  maxHosts?: number;
}

/** Hosts of one network. */
export interface HostSlice {
  site: string | undefined;
  hosts: readonly string[];
}

/** Most results one activity returns: Temporal refuses 2 MiB. */
const mostResults = 20_000;
/** Bound of safe commands that have no time-out of their own. */
const longestRead = 3_600_000;
const longestAttempt = 365 * 86_400_000;

/** What the slices of an execution have in common. */
interface Shared {
  plan: Plan;
  options: RunSyncOptions;
  remote: RemoteOptions;
  deadlineAt: number | undefined;
}

interface Round {
  results: HostResult[];
  timeUp: boolean;
}

/**
 * Runs commands on hosts: by batches, one slice after the other, else all slices at the same time.
 * @throws OPTION_INVALID before anything is started; RemoteExecutionError when too few hosts succeeded
 */
export async function runCommands(
  networks: readonly HostSlice[],
  options: RunSyncOptions,
  remote: RemoteOptions,
  defaultMode: Mode,
): Promise<Execution> {
  const hosts = sorted(networks.flatMap((network) => network.hosts));
  const plan = planOf(options, hosts.length, defaultMode);
  const { mode, commands, failuresAllowed, successThreshold, globalTimeoutMs } = plan;
  const deadlineAt = globalTimeoutMs === undefined ? undefined : Date.now() + globalTimeoutMs;
  const shared: Shared = { plan, options, remote, deadlineAt };
  const perCommand = Math.floor(mostResults / (mode === 'sync' ? 1 : commands.length));
  let slices = cut(networks, Math.max(1, Math.min(remote.sliceSize ?? 1000, perCommand)));
  // Several slices wait for each other between the commands.
  const together = mode === 'async' || (slices.length === 1 && hosts.length * commands.length <= mostResults);
  const rounds = together ? [commands] : commands.map((command) => [command]);
  const results: HostResult[] = [];
  let timeUp = false;
  for (const [place, group] of rounds.entries()) {
    if (place > 0 && plan.batchSleepMs > 0) await sleep(plan.batchSleepMs);
    const failed = results.filter(({ ok }) => !ok).length;
    const round = await runRound(slices, group, failuresAllowed - failed, shared);
    results.push(...round.results.map((result) => ({ ...result, index: result.index + place })));
    timeUp ||= round.timeUp;
    if (timeUp || results.filter(({ ok }) => !ok).length > failuresAllowed) break;
    const good = new Set(round.results.filter(({ ok }) => ok).map(({ host }) => host));
    slices = slices
      .map((slice) => ({ ...slice, hosts: slice.hosts.filter((host) => good.has(host)) }))
      .filter((slice) => slice.hosts.length > 0);
    if (slices.length === 0) break;
  }
  const order = new Map(hosts.map((host, i) => [host, i]));
  results.sort((a, b) => a.index - b.index || (order.get(a.host) ?? 0) - (order.get(b.host) ?? 0));
  const ended: Execution = { mode, hosts, commands, results, successThreshold };
  const execution = timeUp ? { ...ended, globalTimeout: globalTimeoutOf(ended) } : ended;
  if (passed(execution) < 2 || (options.isSafe === true && currentRun().context.dryRun)) return execution;
  throw new RemoteExecutionError(execution);
}

const cut = (networks: readonly HostSlice[], size: number): HostSlice[] =>
  networks.flatMap(({ site, hosts }) =>
    Array.from({ length: Math.ceil(hosts.length / size) }, (_, i) => ({
      site,
      hosts: hosts.slice(i * size, (i + 1) * size),
    })),
  );

function runRound(slices: HostSlice[], commands: HostCommand[], allowed: number, shared: Shared): Promise<Round> {
  return shared.plan.batchSize === undefined
    ? atOnce(slices, commands, allowed, shared)
    : inTurn(slices, commands, allowed, shared);
}

async function inTurn(slices: HostSlice[], commands: HostCommand[], allowed: number, shared: Shared): Promise<Round> {
  const results: HostResult[] = [];
  for (const [i, slice] of slices.entries()) {
    if (i > 0 && shared.plan.batchSleepMs > 0) await sleep(shared.plan.batchSleepMs);
    const left = allowed - results.filter(({ ok }) => !ok).length;
    if (left < 0) break;
    const round = await runSlice(slice, commands, { failuresAllowed: left }, shared);
    results.push(...round.results);
    if (round.timeUp) return { results, timeUp: true };
  }
  return { results, timeUp: false };
}

async function atOnce(slices: HostSlice[], commands: HostCommand[], allowed: number, shared: Shared): Promise<Round> {
  const budget = slices.length > 1 ? new SharedBudget(uuid4(), allowed) : undefined;
  const parts = await Promise.allSettled(
    slices.map(async (slice, i) => {
      const common = budget && { shared: { id: budget.id, slice: i } };
      const round = await runSlice(slice, commands, { failuresAllowed: allowed, ...common }, shared);
      budget?.count(i, round.results.filter(({ ok }) => !ok).length);
      return round;
    }),
  );
  budget?.close();
  // Only once all have ended: what is undone next must not meet commands still under way.
  const reasons = parts.flatMap((part): unknown[] => (part.status === 'rejected' ? [part.reason] : []));
  if (reasons.length > 0) throw reasons.find(isUnknownOutcome) ?? reasons[0];
  const rounds = parts.flatMap((part) => (part.status === 'fulfilled' ? [part.value] : []));
  return { results: rounds.flatMap(({ results }) => results), timeUp: rounds.some(({ timeUp }) => timeUp) };
}

async function runSlice(
  { hosts, site }: HostSlice,
  commands: HostCommand[],
  budget: Pick<InputOf<'remote.runSync'>, 'failuresAllowed' | 'shared'>,
  { plan, options: { user, env, stdin, isSafe }, remote: { useSudo, installer }, deadlineAt }: Shared,
): Promise<Round> {
  const where = {
    hosts,
    id: uuid4(),
    ...(installer === true && { installer }),
    ...(useSudo === true && { sudo: true }),
    ...(user === undefined ? {} : { user }),
  };
  const input = {
    ...where,
    commands,
    ...budget,
    ...(env === undefined ? {} : { env }),
    ...(stdin === undefined ? {} : { stdin }),
    ...(plan.patienceMs === undefined ? {} : { patienceMs: plan.patienceMs }),
    ...(plan.startPatienceMs === undefined ? {} : { startPatienceMs: plan.startPatienceMs }),
    ...(plan.batchSize === undefined ? {} : { batchSize: plan.batchSize }),
    ...(plan.batchSleepMs === 0 ? {} : { batchSleepMs: plan.batchSleepMs }),
    ...(deadlineAt === undefined ? {} : { timeLeftMs: Math.max(0, deadlineAt - Date.now()) }),
  };
  const ran = async () => {
    const safe = plan.mode === 'sync' ? 'remote.runSyncSafe' : 'remote.runAsyncSafe';
    if (isSafe === true) return call(safe, input, { site, timeout: attemptMs(plan, commands, hosts.length) });
    try {
      return await call(plan.mode === 'sync' ? 'remote.runSync' : 'remote.runAsync', input, { site });
    } catch (error) {
      if (!wasLeftAlone(error)) throw error;
      await endCommands({ ...where, commands: commands.length }, site);
      throw new CancelledFailure('cancelled', [], error);
    }
  };
  const packed = await ran();
  return { results: unpackResults(hosts, commands, packed), timeUp: packed.timeUp === true };
}

/** Cancelled while a worker was at it, the attempt itself ends what it began; between attempts, and once that worker died or shut down, nobody does. */
const wasLeftAlone = (error: unknown): error is ActivityFailure =>
  error instanceof ActivityFailure &&
  (error.cause instanceof CancelledFailure
    ? error.cause.details.includes('ACTIVITY_ID_NOT_STARTED')
    : error.retryState === 'CANCEL_REQUESTED' && !isUnknownOutcome(error));

async function endCommands(input: InputOf<'remote.endCommands'>, site: string | undefined): Promise<void> {
  // However small the configured fan-out is, and should none of the hosts answer.
  const timeout = 300_000 + Math.ceil(input.hosts.length / 16) * input.commands * 20_000;
  const left = await uncancellable(() => call('remote.endCommands', input, { site, timeout }));
  if (left.length > 0) throw new OpsError('unknown', 'STILL_RUNNING', `cancelled, but ${left.join('; ')}`);
}

/** The arguments of `runSync` in either form. */
export const optionsOf = (args: readonly CommandSpec[] | readonly [RunSyncOptions]): RunSyncOptions => {
  const [first] = args;
  return typeof first === 'object' && 'commands' in first ? first : { commands: args as readonly CommandSpec[] };
};

/** Bound of one attempt at safe commands: all of them, wave after wave, with the rests and the waiting between. */
function attemptMs(plan: Plan, commands: readonly HostCommand[], hosts: number): number {
  // However small the configured fan-out is.
  const waves = Math.ceil(hosts / Math.min(plan.batchSize ?? 16, 16));
  const each = commands.reduce((sum, { timeoutMs = longestRead }) => sum + timeoutMs + (plan.patienceMs ?? 30_000), 0);
  const all = waves * (each + plan.batchSleepMs * commands.length) + 60_000;
  return Math.min(all, longestAttempt, plan.globalTimeoutMs === undefined ? all : plan.globalTimeoutMs + 60_000);
}
