import { log, workflowInfo } from '@temporalio/workflow';
import type { QueriedHost } from '../../activities/queried.ts';
import type { InventoryHost } from '../../src/config/inventory.ts';
import { OpsError } from '../../src/model/errors.ts';
import type { FleetHost } from '../../src/model/run.ts';
import { call } from '../engine/call.ts';
import { confirmOnFailure, runCookbook, type RunCookbookOptions } from '../engine/child.ts';
import { fleet, type FleetOptions } from '../engine/fleet.ts';
import { ask, askConfirmation } from '../engine/prompt.ts';
import { currentRun } from '../engine/run-state.ts';
import { settle, step } from '../engine/step.ts';
import type { StepSpec } from '../engine/step-spec.ts';
import { Alerts } from './alerts.ts';
import { Dhcp } from './dhcp.ts';
import { Etcdctl } from './etcdctl.ts';
import { Host } from './host.ts';
import { Installer } from './installer.ts';
import { Ipmi } from './ipmi.ts';
import { outOfService, type Budget } from './out-of-service.ts';
import { Locks, type LockTerms } from './lock.ts';
import { Remote, RemoteHosts } from './remote.ts';

/** The accessor through which a cookbook reaches everything (Spicerack's `spicerack`). */
export class Spicerack {
  readonly #locks = new Locks();
  readonly #remote = new Remote();
  #hosts: RemoteHosts | undefined;

  /** Whether nothing may be changed. */
  get dryRun(): boolean {
    return currentRun().context.dryRun;
  }
  get verbose(): boolean {
    return currentRun().context.verbose;
  }
  /** Login name of the operator. */
  get username(): string {
    return currentRun().context.user;
  }
  /** `user@host` of the operator. */
  get owner(): string {
    return `${currentRun().context.user}@${currentRun().context.host}`;
  }
  /** The run's id, to be written into everything the run leaves somewhere. */
  get run(): string {
    return workflowInfo().workflowId;
  }
  /** Why this run was started, as given by `--reason` and `--task`. */
  get reason(): string {
    const { reason, task } = currentRun().context;
    return [reason ?? currentRun().cookbook, task].filter(Boolean).join(' - ');
  }
  /** Log files of the cookbook; shown again by nothing after a crash. */
  readonly log = log;

  /** One named step: `read`, `check`, or `write` with its `undo` or `probe`. */
  step<T>(name: string, spec: StepSpec<T>): Promise<T> {
    return step(name, spec);
  }
  /** Runs the undo of a step now, as part of the procedure. */
  settle(stepName: string): Promise<void> {
    return settle(stepName);
  }
  /** Parks the run until a person answers `go`. @throws ABORTED on `abort` */
  askConfirmation(message: string): Promise<void> {
    return askConfirmation(message);
  }
  /** Parks the run until a person answers with one of `choices`, or with any text when there are none. */
  askInput(message: string, options: { choices?: readonly string[] } = {}): Promise<string> {
    return ask(message, options.choices);
  }
  /** Calls `body` until it succeeds, or a person says `skip` or `abort`. */
  confirmOnFailure<T>(body: () => Promise<T>): Promise<T | undefined> {
    return confirmOnFailure(body);
  }
  /** Runs another cookbook to its end and returns its exit code. */
  runCookbook(
    cookbook: string,
    argv: readonly string[] = [],
    options: RunCookbookOptions = {},
  ): Promise<number | undefined> {
    return runCookbook(cookbook, argv, options);
  }
  /** One child run per host through a sliding window. */
  fleet(hosts: readonly string[], options: FleetOptions): Promise<FleetHost[]> {
    return fleet(hosts, options);
  }
  /** What the run's result hands to whoever reads it. */
  report(value: unknown): void {
    currentRun().report = value;
  }

  /** The hosts this run is about, as its cookbook's `hosts` said, resolved before it started. @throws NO_HOSTS */
  get hosts(): RemoteHosts {
    if (!this.#hosts)
      throw new OpsError('failed', 'NO_HOSTS', 'the cookbook does not say which hosts it is about: export `hosts`');
    return this.#hosts;
  }
  /** Resolves {@link hosts}; the engine does so once for a run, also when it continues as new. @throws HOST_UNKNOWN, HOSTS_INVALID */
  async freezeHosts(expression: string): Promise<void> {
    const run = currentRun();
    if (run.carry.state['hosts'] === undefined) {
      const { hosts, sliceSize, unverified } = await call('remote.query', { expression });
      run.noteUnverified(unverified);
      Object.assign(run.carry.state, { hosts, sliceSize });
    }
    const { hosts, sliceSize } = run.carry.state as { hosts: QueriedHost[]; sliceSize?: number };
    this.#hosts = new RemoteHosts(hosts, sliceSize === undefined ? {} : { sliceSize });
    run.hosts = this.#hosts.hosts;
    run.hostsFolded = this.#hosts.folded;
  }
  /** The network that reaches one of the run's own hosts. */
  #siteOf(name: string): string | undefined {
    const hosts = (currentRun().carry.state['hosts'] ?? []) as QueriedHost[];
    return hosts.find((host) => host.name === name)?.site;
  }
  /** Host expressions and commands on many hosts. */
  remote(): Remote {
    return this.#remote;
  }
  /** One host: the system it runs, and its reboots. */
  host(name: string): Host {
    return new Host(name, this.#siteOf(name));
  }
  /** Addresses and datacenter of a host. @throws HOST_UNKNOWN, INVENTORY_UNREADABLE */
  inventory(host: string): Promise<InventoryHost> {
    return call('inventory.host', { host });
  }
  /** The BMC of a host. */
  ipmi(host: string): Ipmi {
    return new Ipmi(host);
  }
  /** The install servers of a datacenter. */
  dhcp(datacenter: string): Dhcp {
    return new Dhcp(datacenter);
  }
  /** A host on its way from one operating system to the next. */
  installer(host: string): Installer {
    return new Installer(host, this.#siteOf(host));
  }
  /** Alerts about a host. */
  alerts(host: string): Alerts {
    return new Alerts(host);
  }
  /** An etcd cluster of the configuration. */
  etcdctl(cluster: string): Etcdctl {
    return new Etcdctl(cluster);
  }
  /** Runs `body` under one or several locks shared by all runs that ask for the same names. @throws InvalidLock, LOCK_UNAVAILABLE, LOCK_DEADLOCK, LockLost */
  lock<T>(name: string | readonly string[], terms: LockTerms, body: () => Promise<T>): Promise<T> {
    return this.#locks.lock(name, terms, body);
  }
  /** Takes a host of a group out of service, of which only so many may be at a time, and waits until it is healthy again. */
  outOfService<T>(host: string, budget: Budget, body: () => Promise<T>): Promise<T> {
    return outOfService(host, budget, body);
  }
  /** Runs `body` while no other cookbook that locks its hosts works on any of these. @throws as {@link lock} */
  lockHosts<T>(hosts: RemoteHosts, terms: Pick<LockTerms, 'ttl'>, body: () => Promise<T>): Promise<T> {
    return this.#locks.lockHosts(hosts.hosts, terms, body);
  }
}
