import { OpsError, isOpsError } from '../src/model/errors.ts';
import { type Bounds, resolveQuery } from '../src/query/query.ts';
import { shorten } from '../src/remote/command.ts';
import { fencesOn } from '../src/remote/fence.ts';
import { mostPerHost } from '../src/remote/output.ts';
import { type EndInput, Slice, type SliceInput, endSlice } from '../src/remote/slice.ts';
import type { Access } from '../src/remote/target.ts';
import { type Call, anyway, condition, converge, long, oneShot, read } from './define.ts';
import { queried, warnOf } from './queried.ts';

/** One host, by its name; its installer's system instead of its own when asked for. */
interface OfHost {
  host: string;
  installer?: boolean;
}

/** As whom a host is told something. */
interface Told extends OfHost {
  sudo?: boolean;
}

/** What a host says of its boot. */
export interface Boot {
  bootId: string;
  uptimeSeconds: number;
}

/** For commands that answer at once. */
const shortMs = 10_000;
const rebootMs = 30_000;
const rebootCommand =
  'if command -v reboot-host >/dev/null; then exec reboot-host; ' +
  'elif [ -d /run/systemd/system ]; then exec systemctl reboot; else exec reboot; fi';

const accessOf = (installer: boolean | undefined): Access => (installer === true ? 'installer' : 'normal');

/** A query, and how many hosts it may give. */
interface QueryInput extends Bounds {
  expression: string;
}

async function query({ expression, ...bounds }: QueryInput, call: Call) {
  const { deps, signal } = call;
  const found = await resolveQuery(expression, { config: deps.config, signal, warn: warnOf(expression) });
  return queried(expression, found, bounds, call);
}

async function boot({ host, installer }: OfHost, { deps, signal }: Call): Promise<Boot> {
  const text = await deps.remote.text(host, 'cat "${SUMAC_BOOT_ID:-/proc/sys/kernel/random/boot_id}" /proc/uptime', {
    timeoutMs: shortMs,
    access: accessOf(installer),
    signal,
  });
  const [, bootId, uptime] = /^([0-9a-f-]{36})\n(\d+(?:\.\d+)?) /m.exec(text) ?? [];
  if (bootId === undefined)
    throw new OpsError('failed', 'BOOT_ID_UNREADABLE', `${host}: '${shorten(text.trim())}' is no boot id`, { host });
  return { bootId, uptimeSeconds: Number(uptime) };
}

/** What a host that is on its way up may answer: it is not there yet. */
const onTheWay = ['COMMAND_TIMEOUT', 'NO_KEY_ACCEPTED', 'NOT_STARTED', 'COMMAND_FAILED', 'BOOT_ID_UNREADABLE'];

async function bootOrNotYet(input: OfHost, call: Call): Promise<Boot> {
  try {
    return await boot(input, call);
  } catch (error) {
    if (!isOpsError(error) || (error.kind !== 'transient' && !onTheWay.includes(error.code))) throw error;
    throw new OpsError('not-yet', error.code, error.message, error.facts, error);
  }
}

/** Hosts, and the milliseconds that had passed since a moment when they were first asked. */
interface Since {
  hosts: readonly string[];
  passedMs: number;
  installer?: boolean;
}

async function rebootedSince({ hosts, passedMs, ...access }: Since, call: Call): Promise<void> {
  const up = await Promise.allSettled(hosts.map((host) => bootOrNotYet({ host, ...access }, call)));
  for (const [i, one] of up.entries()) {
    if (one.status === 'rejected') throw one.reason;
    const { uptimeSeconds } = one.value;
    // Not `>=`: what cannot be told has not been rebooted.
    if (!(uptimeSeconds * 1000 < passedMs + call.elapsedMs()))
      throw notYet(
        hosts[i] ?? '',
        `has been up for ${Math.round(uptimeSeconds)} s, longer than since its reboot was asked for`,
      );
  }
}

const notYet = (host: string, message: string) =>
  new OpsError('not-yet', 'NOT_REBOOTED_YET', `${host} ${message}`, { host });

async function reboot({ host, installer, sudo }: Told, { deps, token, fences }: Call): Promise<void> {
  const started = performance.now();
  const since = () => (performance.now() - started) / 1000;
  // Not broken off by a cancellation: nobody would know whether the host is going down.
  const once = async (sinceSeconds?: () => number) => {
    const { exitCode, capture } = await deps.remote.runOnce(host, rebootCommand, {
      token,
      sudo,
      access: accessOf(installer),
      timeoutMs: rebootMs,
      sinceSeconds,
      fences: fencesOn(fences, host),
    });
    if (exitCode === 0) return;
    const said = capture.output(mostPerHost).text.trim();
    throw new OpsError('failed', 'REBOOT_REFUSED', `${host} refuses to reboot (exit status ${exitCode}): ${said}`, {
      host,
    });
  };
  try {
    await once();
  } catch (error) {
    if (hasCode(error, 'COMMAND_TIMEOUT')) throw unclear(error);
    if (!hasCode(error, 'CONNECTION_LOST')) throw error;
    // A host that goes down takes the connection along; one that answers tells from its journal whether the command came through.
    await once(since).catch((again: unknown) => {
      if (hasCode(again, 'REBOOTED_MEANWHILE')) return;
      throw isOpsError(again) && again.code !== 'REBOOT_REFUSED' ? unclear(again) : again;
    });
  } finally {
    deps.remote.forget(host);
  }
}

const unclear = ({ message, facts }: OpsError) =>
  new OpsError('unknown', 'REBOOT_OUTCOME_UNKNOWN', `${message}: the host may be going down`, facts);

const hasCode = (error: unknown, ...codes: string[]): error is OpsError =>
  isOpsError(error) && codes.includes(error.code);

/** Commands on hosts, by ssh. */
export const remote = {
  /**
   * The hosts of a query in Cumin's language, and how they are reached.
   * Throws QUERY_INVALID, HOSTS_INVALID, QUERY_EMPTY, TOO_MANY_HOSTS, HOST_UNKNOWN, errors of the backends.
   */
  'remote.query': read(query),

  /** Runs commands that change nothing, each on all hosts before the next. Failures are in the result. */
  'remote.runSyncSafe': read((input: SliceInput, call) => new Slice(input, call, 'sync', false).run()),

  /**
   * Runs commands that may change something, each on all hosts before the next, on each host at most once whatever happens
   * to the worker. Failures are in the result. Throws STILL_RUNNING when a cancelled command could not be ended.
   */
  'remote.runSync': long((input: SliceInput, call) => new Slice(input, call, 'sync', true).run()),

  /** As `remote.runSyncSafe`, but each host goes through the commands at its own pace. */
  'remote.runAsyncSafe': read((input: SliceInput, call) => new Slice(input, call, 'async', false).run()),

  /** As `remote.runSync`, but each host goes through the commands at its own pace. */
  'remote.runAsync': long((input: SliceInput, call) => new Slice(input, call, 'async', true).run()),

  /** Ends commands of `remote.runSync` that were cancelled while no worker was at them. Returns where none had begun, and where and why they may go on. */
  'remote.endCommands': anyway(converge((input: EndInput, call) => endSlice(input, call))),

  /** Boot id of the running system. Throws UNREACHABLE, BOOT_ID_UNREADABLE. */
  'remote.bootId': read(async (input: OfHost, call) => (await boot(input, call)).bootId),

  /** Holds once the host answers with another boot id than the one given. */
  'remote.rebooted': condition(async (input: OfHost & { bootId: string }, call) => {
    const now = await bootOrNotYet(input, call);
    if (now.bootId !== input.bootId) return now;
    throw notYet(input.host, `still runs with the boot id ${now.bootId}`);
  }),

  /** Holds once all hosts have been up for less time than has passed since that moment, `passedMs` before this was asked for. */
  'remote.rebootedSince': condition(rebootedSince),

  /**
   * Tells the host to reboot: by `reboot-host` where there is one. A connection that breaks is success when the host then
   * says that it has begun. Throws REBOOT_REFUSED, REBOOT_OUTCOME_UNKNOWN, UNREACHABLE.
   */
  'remote.reboot': oneShot(reboot),

  /** `VERSION_CODENAME` of the running system, for example `trixie`. Throws UNREACHABLE, OS_UNKNOWN. */
  'remote.osCodename': read(async ({ host, installer }: OfHost, { deps, signal }) => {
    const command = '. /etc/os-release && echo "$VERSION_CODENAME"';
    const options = { timeoutMs: shortMs, access: accessOf(installer), signal };
    const codename = (await deps.remote.text(host, command, options)).trim();
    if (codename === '')
      throw new OpsError('failed', 'OS_UNKNOWN', `${host}: /etc/os-release names no codename`, { host });
    return codename;
  }),
};
