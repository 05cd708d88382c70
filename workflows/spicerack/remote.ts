import type { OutputOf } from '../../activities/index.ts';
import type { QueriedHost } from '../../activities/queried.ts';
import type { Boot } from '../../activities/remote.ts';
import { type Duration, toMs } from '../../src/model/duration.ts';
import { OpsError } from '../../src/model/errors.ts';
import type { Mode } from '../../src/model/execution.ts';
import type { FileOptions } from '../../src/model/file.ts';
import { expand, fold, sorted } from '../../src/model/host-set.ts';
import { call } from '../engine/call.ts';
import { currentRun } from '../engine/run-state.ts';
import { type Content, downloadFrom, fetchFrom, restoreOn, uploadTo } from './files.ts';
import { LbRemoteCluster } from './lb-remote-cluster.ts';
import { RemoteResults } from './remote-results.ts';
import { rollingReboot } from './rolling-reboot.ts';
import type { CommandSpec, RunSyncOptions } from '../../src/model/run-options.ts';
import type { HostSlice, RemoteOptions } from './run-slice.ts';
import { type QueryOptions, optionsOf, runCommands } from './run-sync.ts';

/** How hosts are rebooted. */
export interface RebootOptions {
  /** Hosts that are down at a time, from 1; default 1. */
  batchSize?: number;
  /** Rest between a host that is back and the next; default 180s. */
  batchSleep?: Duration;
}

/** Access to hosts by their names (Spicerack's `remote`). */
export class Remote {
  readonly #options: RemoteOptions;

  constructor(options: RemoteOptions = {}) {
    this.#options = options;
  }

  /**
   * The hosts of a query such as `cloudvirt[1001-1003].lab` or `P{R:Package = nova} and A:eqiad`.
   * @throws QUERY_INVALID, HOSTS_INVALID, QUERY_EMPTY, TOO_MANY_HOSTS, HOST_UNKNOWN
   */
  async query(expression: string, { allowEmpty, maxHosts, ...options }: QueryOptions = {}): Promise<RemoteHosts> {
    const found = await call('remote.query', { expression, allowEmpty, maxHosts });
    return this.#hosts(found, options, allowEmpty);
  }

  /**
   * The hosts behind load balancers that conftool knows by these tags, as `hooks.pool` lists them (Spicerack's `query_confctl`).
   * @param entity type of conftool's objects, whose names are hosts: `node`
   * @param tags for example `{ dc: 'eqiad', cluster: 'cache_(text|upload)' }`: each a regular expression that the whole tag matches
   * @throws OPTION_INVALID, QUERY_EMPTY, TOO_MANY_HOSTS, HOST_UNKNOWN, POOL_FAILED, POOL_NOT_CONFIGURED
   */
  async queryConfctl(
    entity: string,
    tags: Readonly<Record<string, string>>,
    { maxHosts, ...options }: Omit<QueryOptions, 'allowEmpty'> = {},
  ): Promise<LbRemoteCluster> {
    const found = await call('pool.hosts', { entity, tags, maxHosts });
    return this.#hosts(found, options).loadBalanced();
  }

  #hosts(found: OutputOf<'remote.query'>, options: RemoteOptions, allowEmpty?: boolean): RemoteHosts {
    const { hosts, sliceSize, unverified } = found;
    currentRun().noteUnverified(unverified);
    return new RemoteHosts(hosts, { sliceSize, ...this.#options, ...options }, allowEmpty);
  }
}

/** An ordered set of hosts that does not change (Spicerack's RemoteHosts). */
export class RemoteHosts implements Iterable<RemoteHosts> {
  readonly #hosts: readonly QueriedHost[];
  readonly #options: RemoteOptions;

  /** @throws NO_HOSTS */
  constructor(hosts: readonly QueriedHost[], options: RemoteOptions = {}, allowEmpty = false) {
    if (hosts.length === 0 && !allowEmpty) throw new OpsError('usage', 'NO_HOSTS', 'No hosts provided');
    const byName = new Map(hosts.map((host) => [host.name, host]));
    this.#hosts = sorted(byName.keys()).map((name) => byName.get(name) ?? { name });
    this.#options = options;
  }

  /** Names in natural order. */
  get hosts(): string[] {
    return this.#hosts.map(({ name }) => name);
  }
  get length(): number {
    return this.#hosts.length;
  }
  /** For example `cloudvirt[1001-1003].lab`. */
  get folded(): string {
    return fold(this.hosts);
  }
  toString(): string {
    return this.folded;
  }

  /** Host by host. */
  *[Symbol.iterator](): Iterator<RemoteHosts> {
    for (const host of this.#hosts) yield this.#of([host]);
  }

  /** The same hosts, as a cluster behind load balancers. */
  loadBalanced(): LbRemoteCluster {
    return new LbRemoteCluster(this);
  }

  /** The name of the only host. @throws NOT_ONE_HOST */
  one(): string {
    return this.#one().name;
  }

  /** Up to `n` subsets, sizes as even as possible, larger ones first. @throws OPTION_INVALID */
  split(n: number): RemoteHosts[] {
    if (!Number.isInteger(n) || n < 1)
      throw new OpsError('usage', 'OPTION_INVALID', `split: ${n} is not a whole number from 1`);
    const parts = Math.min(n, this.length);
    const [least, larger] = [Math.floor(this.length / parts), this.length % parts];
    let at = 0;
    return Array.from({ length: parts }, (_, i) =>
      this.#of(this.#hosts.slice(at, (at += least + (i < larger ? 1 : 0)))),
    );
  }

  /**
   * Those of its hosts.
   * @param hosts names, or an expression such as `web[1-3]`
   * @throws NOT_A_SUBSET, HOSTS_INVALID
   */
  getSubset(hosts: string | Iterable<string>): RemoteHosts {
    const wanted = new Set(typeof hosts === 'string' ? expand(hosts) : hosts);
    const found = this.#hosts.filter(({ name }) => wanted.has(name));
    for (const { name } of found) wanted.delete(name);
    const missing = [...wanted];
    if (missing.length > 0)
      throw new OpsError('usage', 'NOT_A_SUBSET', `${fold(missing)} is not part of ${this.folded}`, { hosts: missing });
    return this.#of(found);
  }

  /**
   * Runs commands one by one, each on all hosts before the next, which only those get on which it succeeded. Commands that
   * may change something are run at most once on each host, whatever happens to the worker; they belong into the `write`
   * of a step. Where Spicerack raises although the success threshold is met, this returns, and the results tell.
   * @throws OPTION_INVALID; RemoteExecutionError when too few hosts succeeded, naming those that failed and those that
   *   were never contacted
   */
  runSync(...args: readonly CommandSpec[] | readonly [RunSyncOptions]): Promise<RemoteResults> {
    return this.#run(optionsOf(args), 'sync');
  }

  /**
   * Makes a file on every host hold this, whole or not at all; belongs into the `write` of a step, with {@link restore} as its undo.
   * With `useSudo` this and the other transfers are root's, by commands; else those of the user who logs in, by sftp.
   * @param content a text of 256 KiB at most, no secret, as it shows in the history; or a file on the worker, by its path
   * @returns the hosts where it was changed: one that holds it already, with this mode and owner, is left alone
   * @throws CONTENT_TOO_LARGE, FILE_NOT_WRITTEN, FILE_UNREADABLE, SFTP_UNAVAILABLE, UNREACHABLE
   */
  upload(path: string, content: Content, options: FileOptions = {}): Promise<string[]> {
    return uploadTo(this.#networks(), path, content, options, this.#options);
  }

  /**
   * Brings a file back to what it held before this run's first {@link upload}, or removes it where there was none. What it
   * held is kept on the host for 14 days from the last upload.
   * @throws FILE_CHANGED when somebody else has changed it since, FILE_NOT_KEPT when what it held is gone
   */
  restore(path: string): Promise<void> {
    return restoreOn(this.#networks(), path, this.#options);
  }

  /** The text of a file of the only host, 256 KiB at most. @throws FILE_MISSING, FILE_TOO_LARGE, FILE_NOT_TEXT, NOT_ONE_HOST */
  download(path: string): Promise<string> {
    const { name, site } = this.#one();
    return downloadFrom({ hosts: [name], site }, path, this.#options);
  }

  /**
   * Copies a file of the only host, of any size, to a file on the worker, mode 0600; belongs into the `write` of a step.
   * @throws FILE_MISSING, FILE_NOT_WRITTEN, NOT_ONE_HOST
   */
  fetch(path: string, to: string): Promise<void> {
    const { name, site } = this.#one();
    return fetchFrom({ hosts: [name], site }, path, to, this.#options);
  }

  /**
   * As {@link runSync}, but each host goes through the commands at its own pace, up to the first that fails there.
   * @throws OPTION_INVALID, RemoteExecutionError
   */
  runAsync(...args: readonly CommandSpec[] | readonly [RunSyncOptions]): Promise<RemoteResults> {
    return this.#run(optionsOf(args), 'async');
  }

  /**
   * Reboots the hosts, by default one after the other and three minutes apart. A single one is told to, and no more; of
   * several, the next is told once the one before is back with another boot id.
   * @throws UnknownOutcome, REBOOT_REFUSED, UNREACHABLE of a single host; REBOOT_FAILED naming those that did not come back
   *   and those that were not told; OPTION_INVALID
   */
  async reboot({ batchSize = 1, batchSleep = '180s' }: RebootOptions = {}): Promise<void> {
    const [only] = this.#hosts;
    if (!Number.isInteger(batchSize) || batchSize < 1)
      throw new OpsError('usage', 'OPTION_INVALID', `batchSize: ${batchSize} is not a whole number from 1`);
    const batchSleepMs = toMs(batchSleep);
    const access = this.#installer();
    const told = this.#options.useSudo === true ? { ...access, sudo: true } : access;
    if (this.length === 1 && only) await call('remote.reboot', { host: only.name, ...told }, { site: only.site });
    else await rollingReboot(this.#hosts, { batchSize, batchSleepMs, access, told });
  }

  /**
   * Seconds since each host was booted.
   * @throws RemoteExecutionError, UPTIME_UNREADABLE
   */
  async uptime(): Promise<[RemoteHosts, number][]> {
    const results = await this.runSync({ commands: ['cat /proc/uptime'], isSafe: true, timeout: '10s' });
    return results.toList((output, hosts) => {
      const seconds = Number(/^(\d+(?:\.\d+)?) /.exec(output)?.[1]);
      if (!Number.isNaN(seconds)) return seconds;
      throw new OpsError('failed', 'UPTIME_UNREADABLE', `${hosts.folded}: '${output.slice(0, 60)}' is no uptime`);
    });
  }

  /** Boot id of the only host: another one after every boot. @throws UNREACHABLE */
  bootId(): Promise<string> {
    const { name: host, site } = this.#one();
    return call('remote.bootId', { host, ...this.#installer() }, { site });
  }

  /** Codename of the only host's operating system, for example `trixie`. @throws UNREACHABLE, OS_UNKNOWN */
  osCodename(): Promise<string> {
    const { name: host, site } = this.#one();
    return call('remote.osCodename', { host, ...this.#installer() }, { site });
  }

  /** Condition, for a `check`: the only host answers with another boot id than this one. */
  rebooted(bootId: string): Promise<Boot> {
    const { name: host, site } = this.#one();
    return call('remote.rebooted', { host, bootId, ...this.#installer() }, { site });
  }

  /**
   * Condition, for a `check`: every host was booted after this moment. By the boot id one can tell more surely.
   * @param since milliseconds since 1970 by the run's clock, as its `Date.now()` gave before the hosts were told to reboot
   * @throws OPTION_INVALID
   */
  async waitRebootSince(since: number): Promise<void> {
    const passedMs = Date.now() - since;
    // A moment in seconds would be one in January 1970, after which every host was booted.
    if (!(passedMs >= 0 && since > 1e11))
      throw new OpsError(
        'usage',
        'OPTION_INVALID',
        `waitRebootSince: ${since} is no moment of the past in milliseconds`,
      );
    await Promise.all(
      this.#networks().map(({ hosts, site }) =>
        call('remote.rebootedSince', { hosts: [...hosts], passedMs, ...this.#installer() }, { site }),
      ),
    );
  }

  async #run(options: RunSyncOptions, mode: Mode): Promise<RemoteResults> {
    const execution = await runCommands(this.#networks(), options, this.#options, mode);
    return new RemoteResults(execution, (hosts) => this.getSubset(hosts));
  }

  #networks(): HostSlice[] {
    const bySite = new Map<string | undefined, string[]>();
    for (const { name, site } of this.#hosts) bySite.set(site, [...(bySite.get(site) ?? []), name]);
    return [...bySite].map(([site, hosts]) => ({ site, hosts }));
  }

  #of(hosts: readonly QueriedHost[]): RemoteHosts {
    return new RemoteHosts(hosts, this.#options);
  }

  #installer() {
    return this.#options.installer === true ? { installer: true } : {};
  }

  #one(): QueriedHost {
    const [host] = this.#hosts;
    if (this.length !== 1 || !host)
      throw new OpsError('usage', 'NOT_ONE_HOST', `one host is needed, ${this.folded} are ${this.length}`);
    return host;
  }
}
