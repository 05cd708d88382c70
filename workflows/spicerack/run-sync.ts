import { CancellationScope, sleep, uuid4 } from '@temporalio/workflow';
import {
  type Execution,
  type Mode,
  RemoteExecutionError,
  cancellationOf,
  globalTimeoutOf,
  passed,
} from '../../src/model/execution.ts';
import { sorted } from '../../src/model/host-set.ts';
import type { HostResult } from '../../src/model/remote-result.ts';
import { type CommandSpec, type RunSyncOptions, planOf } from '../../src/model/run-options.ts';
import { isUnknownOutcome } from '../engine/failure.ts';
import { currentRun } from '../engine/run-state.ts';
import { type Group, type HostSlice, type RemoteOptions, type Round, type Shared, runSlice } from './run-slice.ts';
import { SharedBudget } from './shared-budget.ts';

/** Which hosts a query may give, and how they are worked on. */
export interface QueryOptions extends RemoteOptions {
  /** Take a query that gives no host. */
  allowEmpty?: boolean;
  /** Refuse a query that gives more; `--max-hosts`, else the configuration's `max_hosts`, counts too. */
  maxHosts?: number;
}

/** Most results one activity returns: Temporal refuses 2 MiB, and each may have words of its own, which cost 160 bytes beside them. */
const mostResults = 5000;

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
  const { mode, commands, successThreshold, globalTimeoutMs } = plan;
  const deadlineAt = globalTimeoutMs === undefined ? undefined : Date.now() + globalTimeoutMs;
  const shared: Shared = { plan, options, remote, deadlineAt, results: [] };
  const order = new Map(hosts.map((host, i) => [host, i]));
  const soFar = (): Execution => {
    const results = [...shared.results];
    results.sort((a, b) => a.index - b.index || (order.get(a.host) ?? 0) - (order.get(b.host) ?? 0));
    return { mode, hosts, commands, results, successThreshold };
  };
  let timeUp: boolean;
  try {
    timeUp = await allRounds(networks, hosts.length, shared, () => options.onReport?.(soFar()));
  } catch (error) {
    if (CancellationScope.current().consideredCancelled && shared.results.length > 0)
      options.onReport?.({ ...soFar(), cancelled: cancellationOf(soFar()) });
    throw error;
  }
  const ended = soFar();
  const execution = timeUp ? { ...ended, globalTimeout: globalTimeoutOf(ended) } : ended;
  if (passed(execution) < 2 || (options.isSafe === true && currentRun().context.dryRun)) return execution;
  throw new RemoteExecutionError(execution);
}

/** @returns whether the time for all was up before all was done */
async function allRounds(
  networks: readonly HostSlice[],
  total: number,
  shared: Shared,
  between: () => void,
): Promise<boolean> {
  const { plan, options, remote, results } = shared;
  const { mode, commands, failuresAllowed } = plan;
  const perCommand = Math.floor(mostResults / (mode === 'sync' ? 1 : commands.length));
  let slices = cut(networks, Math.max(1, Math.min(remote.sliceSize ?? 1000, perCommand)));
  // Several slices wait for each other between the commands.
  const together =
    mode === 'async' || (!options.onReport && slices.length === 1 && total * commands.length <= mostResults);
  const rounds = together ? [commands] : commands.map((command) => [command]);
  const failed = () => results.filter(({ ok }) => !ok).length;
  for (const [place, group] of rounds.entries()) {
    if (place > 0) between();
    if (place > 0 && plan.batchSleepMs > 0) await sleep(plan.batchSleepMs);
    const round = await runRound(slices, { place, commands: group }, failuresAllowed - failed(), shared);
    if (round.timeUp) return true;
    if (failed() > failuresAllowed) break;
    const good = new Set(round.results.filter(({ ok }) => ok).map(({ host }) => host));
    slices = slices
      .map((slice) => ({ ...slice, hosts: slice.hosts.filter((host) => good.has(host)) }))
      .filter((slice) => slice.hosts.length > 0);
    if (slices.length === 0) break;
  }
  return false;
}

const cut = (networks: readonly HostSlice[], size: number): HostSlice[] =>
  networks.flatMap(({ site, hosts }) =>
    Array.from({ length: Math.ceil(hosts.length / size) }, (_, i) => ({
      site,
      hosts: hosts.slice(i * size, (i + 1) * size),
    })),
  );

function runRound(slices: HostSlice[], group: Group, allowed: number, shared: Shared): Promise<Round> {
  const [slice, ...others] = slices;
  if (slice && others.length === 0) return runSlice(slice, group, { failuresAllowed: allowed }, shared);
  return shared.plan.batchSize === undefined
    ? atOnce(slices, group, allowed, shared)
    : inTurn(slices, group, allowed, shared);
}

async function inTurn(slices: HostSlice[], group: Group, allowed: number, shared: Shared): Promise<Round> {
  const results: HostResult[] = [];
  for (const [i, slice] of slices.entries()) {
    if (i > 0 && shared.plan.batchSleepMs > 0) await sleep(shared.plan.batchSleepMs);
    const left = allowed - results.filter(({ ok }) => !ok).length;
    if (left < 0) break;
    const round = await runSlice(slice, group, { failuresAllowed: left }, shared);
    results.push(...round.results);
    if (round.timeUp) return { results, timeUp: true };
  }
  return { results, timeUp: false };
}

async function atOnce(slices: HostSlice[], group: Group, allowed: number, shared: Shared): Promise<Round> {
  const budget = new SharedBudget(uuid4(), allowed);
  const parts = await Promise.allSettled(
    slices.map(async (slice, i) => {
      const round = await runSlice(
        slice,
        group,
        { failuresAllowed: allowed, shared: { id: budget.id, slice: i } },
        shared,
      );
      budget.count(i, round.results.filter(({ ok }) => !ok).length);
      return round;
    }),
  );
  budget.close();
  // Only once all have ended: what is undone next must not meet commands still under way.
  const reasons = parts.flatMap((part): unknown[] => (part.status === 'rejected' ? [part.reason] : []));
  if (reasons.length > 0) throw reasons.find(isUnknownOutcome) ?? reasons[0];
  const rounds = parts.flatMap((part) => (part.status === 'fulfilled' ? [part.value] : []));
  return { results: rounds.flatMap(({ results }) => results), timeUp: rounds.some(({ timeUp }) => timeUp) };
}

/** The arguments of `runSync` in either form. */
export const optionsOf = (args: readonly CommandSpec[] | readonly [RunSyncOptions]): RunSyncOptions => {
  const [first] = args;
  return typeof first === 'object' && 'commands' in first ? first : { commands: args as readonly CommandSpec[] };
};
