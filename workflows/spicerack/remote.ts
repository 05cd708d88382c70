import type { Boot, QueriedHost } from '../../activities/remote.ts';
import { OpsError } from '../../src/model/errors.ts';
import { fold, sorted } from '../../src/model/host-set.ts';
import { call } from '../engine/call.ts';
import { RemoteResults } from './remote-results.ts';
import {
  type CommandSpec,
  type HostSlice,
  type QueryOptions,
  type RemoteOptions,
  type RunSyncOptions,
  optionsOf,
  runSync,
} from './run-sync.ts';

/** Hosts served by one activity at a time. */
const sliceSize = 100;

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
    const { hosts } = await call('remote.query', { expression, allowEmpty, maxHosts });
    return new RemoteHosts(hosts, { ...this.#options, ...options }, allowEmpty);
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

  /** The name of the only host. @throws NOT_ONE_HOST */
  one(): string {
    return this.#one().name;
  }

  /** Up to `n` subsets, sizes as even as possible, larger ones first. */
  split(n: number): RemoteHosts[] {
    const parts = Math.min(n, this.length);
    const [least, larger] = [Math.floor(this.length / parts), this.length % parts];
    let at = 0;
    return Array.from({ length: parts }, (_, i) =>
      this.#of(this.#hosts.slice(at, (at += least + (i < larger ? 1 : 0)))),
    );
  }

  /** Those of its hosts. @throws NOT_A_SUBSET */
  getSubset(hosts: Iterable<string>): RemoteHosts {
    const wanted = new Set(hosts);
    const found = this.#hosts.filter(({ name }) => wanted.has(name));
    const missing = [...wanted].filter((name) => !found.some((host) => host.name === name));
    if (missing.length > 0)
      throw new OpsError('usage', 'NOT_A_SUBSET', `${fold(missing)} is not part of ${this.folded}`, { hosts: missing });
    return this.#of(found);
  }

  /**
   * Runs commands one by one, each on all hosts before the next. Commands that may change something are run at most once
   * on each host, whatever happens to the worker; they belong into the `write` of a step.
   * @throws RemoteExecutionError when a command failed on a host, naming the hosts
   */
  async runSync(...args: readonly CommandSpec[] | readonly [RunSyncOptions]): Promise<RemoteResults> {
    const execution = await runSync(this.#slices(), optionsOf(args), this.#options);
    return new RemoteResults(execution, (hosts) => this.getSubset(hosts));
  }

  /**
   * Tells the only host to reboot.
   * @throws UnknownOutcome, REBOOT_REFUSED, UNREACHABLE, NOT_ONE_HOST
   */
  async reboot(): Promise<void> {
    const { name: host, site } = this.#one();
    await call('remote.reboot', { host }, { site });
  }

  /** Seconds since the only host was booted. */
  async uptime(): Promise<number> {
    const results = await this.getSubset([this.one()]).runSync({
      commands: ['cat /proc/uptime'],
      isSafe: true,
      timeout: '10s',
    });
    return Number.parseFloat(results.output(this.one()));
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
   * @param since milliseconds since 1970
   */
  async waitRebootSince(since: number): Promise<void> {
    await Promise.all(
      this.#slices().map(({ hosts, site }) => call('remote.rebootedSince', { hosts: [...hosts], since }, { site })),
    );
  }

  #slices(): HostSlice[] {
    const bySite = new Map<string | undefined, string[]>();
    for (const { name, site } of this.#hosts) bySite.set(site, [...(bySite.get(site) ?? []), name]);
    return [...bySite].flatMap(([site, hosts]) =>
      Array.from({ length: Math.ceil(hosts.length / sliceSize) }, (_, i) => ({
        site,
        hosts: hosts.slice(i * sliceSize, (i + 1) * sliceSize),
      })),
    );
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
