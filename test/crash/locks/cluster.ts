import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { openSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, spawnTied } from '../../lab/processes.ts';
import type { Network } from './network.ts';

/** What a member says of itself. */
interface Status {
  id: string;
  leader: string;
  revision: string;
}

const port = 2379;

/** A real etcd of several members, each at a place of the network. */
export class Cluster {
  readonly network: Network;
  readonly names: readonly string[];
  readonly #dir: string;
  readonly #members = new Map<string, ChildProcess>();

  private constructor(network: Network, names: readonly string[], dir: string) {
    this.network = network;
    this.names = names;
    this.#dir = dir;
  }

  static async start(network: Network, names: readonly string[]): Promise<Cluster> {
    const cluster = new Cluster(network, names, await mkdtemp(join(tmpdir(), 'sumac-cluster-')));
    for (const name of names) cluster.startMember(name);
    await cluster.healthy();
    return cluster;
  }

  /** For clients. */
  get urls(): string[] {
    return this.names.map((name) => this.#url(name));
  }

  #url(name: string, of = port): string {
    return `http://${this.network.at(name).address}:${of}`;
  }

  startMember(name: string): void {
    const [client, peer] = [this.#url(name), this.#url(name, port + 1)];
    const log = openSync(join(this.#dir, `${name}.log`), 'a');
    const command = [
      ...['etcd', '--name', name, '--data-dir', join(this.#dir, name), '--logger', 'zap', '--log-level', 'error'],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', this.names.map((one) => `${one}=${this.#url(one, port + 1)}`).join()],
    ];
    this.#members.set(name, spawnTied(this.network.at(name).netns, command, log));
    closeSync(log);
  }

  /** As a power cut would. */
  async killMember(name: string): Promise<void> {
    const member = this.#members.get(name);
    if (!member || member.exitCode !== null || member.signalCode !== null) return;
    const ended = once(member, 'exit');
    member.kill('SIGKILL');
    await ended;
  }

  /** Connections stay open and nothing answers, or it goes on. */
  freeze(name: string, frozen: boolean): void {
    this.#members.get(name)?.kill(frozen ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Runs `etcdctl` against some of the members, from the place of the first. */
  ctl(names: readonly string[], ...args: string[]): Promise<string> {
    const [first = ''] = names;
    const endpoints = names.map((name) => this.#url(name)).join();
    const netns = `--net=/run/netns/${this.network.at(first).netns}`;
    return run('nsenter', [netns, 'etcdctl', '--endpoints', endpoints, '--command-timeout', '5s', ...args]);
  }

  async status(name: string): Promise<Status> {
    // Its ids have more digits than a number in JSON may.
    const text = await this.ctl([name], 'endpoint', 'status', '-w', 'json');
    const of = (field: string) => new RegExp(`"${field}":(\\d+)`).exec(text)?.[1] ?? '';
    return { id: of('member_id'), leader: of('leader'), revision: of('revision') };
  }

  /** The leader, and the others. */
  async roles(): Promise<{ leader: string; followers: string[] }> {
    for (;;) {
      const all = await Promise.all(this.names.map(async (name) => ({ name, ...(await this.status(name)) })));
      const leader = all.find(({ id, leader: seen }) => id === seen)?.name;
      if (leader !== undefined) return { leader, followers: this.names.filter((name) => name !== leader) };
      await sleep(100);
    }
  }

  /** Waits until every member serves, with a leader. */
  async healthy(): Promise<void> {
    const end = Date.now() + 60_000;
    for (const name of this.names)
      for (;;) {
        const trouble = await this.ctl([name], 'get', 'health').catch((error: unknown) => error);
        if (typeof trouble === 'string') break;
        if (Date.now() > end) throw new Error(`${name} is not healthy: ${String(trouble)}`);
        await sleep(100);
      }
  }

  async stop(): Promise<void> {
    for (const name of this.names) await this.killMember(name);
    await rm(this.#dir, { recursive: true, force: true });
  }
}
