import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LabLayout, MachineLayout } from './layout.ts';
import { ageOf, enter, nameOf, processesIn } from './processes.ts';

/** etcd refuses to change a cluster whose members have not been connected for 5 s. */
const settled = 6;

export interface EtcdMember {
  /** Empty until the member has been started once. */
  name: string;
  peerURLs: string[];
}

/** The etcd cluster `tools-etcd-1.lab` ... of a lab made with `etcdMembers`. */
export class EtcdCluster {
  readonly #founders: MachineLayout[];
  readonly #all: MachineLayout[];

  constructor(lab: LabLayout) {
    this.#founders = lab.machines.filter(({ role }) => role === 'etcd');
    this.#all = [...this.#founders, ...lab.machines.filter(({ role }) => role === 'etcd-spare')];
  }

  /** Members as the first machine that answers lists them, by peer URL. */
  async members(): Promise<EtcdMember[]> {
    const members = await this.#list();
    return members
      .map(({ name = '', peerURLs }) => ({ name, peerURLs }))
      .sort((one, other) => (one.peerURLs.join() < other.peerURLs.join() ? -1 : 1));
  }

  /** Waits until each founding member is healthy and the cluster lets its membership change. */
  async healthy(): Promise<void> {
    await this.#allConnected();
    await this.#settle(2 * settled);
  }

  async #allConnected(): Promise<void> {
    const end = Date.now() + 30_000;
    for (const { address, name } of this.#founders) {
      for (;;) {
        const trouble = await this.#trouble(address).catch((error: unknown) => String(error));
        if (trouble === undefined) break;
        if (Date.now() > end) throw new Error(`etcd on ${name} is not healthy: ${trouble}`);
        await sleep(50);
      }
    }
  }

  /** Waits until connections made just now are old enough, when a member is younger than so many seconds. */
  async #settle(age: number): Promise<void> {
    const etcds = processesIn(...this.#founders.map(({ netns }) => netns)).filter((pid) => nameOf(pid) === 'etcd');
    if (etcds.some((pid) => ageOf(pid) < age)) await sleep(settled * 1000);
  }

  /** What a founding member still lacks: its own health, or a connection to another one. */
  async #trouble(address: string): Promise<string | undefined> {
    const health = await request(address, '/health');
    if (!health.includes('"true"')) return health;
    const metrics = await request(address, '/metrics');
    const connected = metrics.match(/^etcd_network_active_peers\{.*\} 1$/gm)?.length ?? 0;
    return connected < this.#founders.length - 1 ? `connected with ${connected} peers` : undefined;
  }

  /** Back to the founding members, the spare machine stopped and as it was made; a new, empty cluster if this one is ill. */
  async reset(): Promise<void> {
    const spare = this.#all.filter((machine) => !this.#founders.includes(machine));
    const isWhole = await this.#removeOthers().catch(() => false);
    const anew = isWhole ? spare : this.#all;
    await this.#everywhere(
      anew,
      () => 'systemctl stop etcd; systemctl reset-failed etcd; rm -rf /var/lib/etcd/default',
    );
    await this.#everywhere(anew, ({ dir }) => {
      const settings = readFileSync(join(dir, 'initial/etc/default/etcd'), 'utf8');
      return `cat >/etc/default/etcd <<'END'\n${settings}END\n`;
    });
    if (!isWhole) await this.#everywhere(this.#founders, () => 'systemctl start etcd');
    await this.#allConnected();
    await this.#settle(isWhole ? settled + 1 : 2 * settled);
  }

  /** @returns whether the founding members, and only they, are left, all of them healthy */
  async #removeOthers(): Promise<boolean> {
    const own = this.#founders.map(({ name }) => `http://${name}:2380`);
    const members = await this.#list();
    for (const { ID } of members.filter(({ peerURLs }) => !own.includes(peerURLs.join())))
      await this.#ask('/v3/cluster/member/remove', JSON.stringify({ ID }));
    // A member's id comes of its URL and the second in which it is added: in the same second it would be refused as removed.
    await sleep(1000 - (Date.now() % 1000));
    const left = (await this.members()).map(({ peerURLs }) => peerURLs.join());
    const healths = await Promise.all(this.#founders.map(({ address }) => request(address, '/health')));
    return left.length === own.length && healths.every((health) => health.includes('"true"'));
  }

  async #list(): Promise<{ ID: string; name?: string; peerURLs: string[] }[]> {
    const answer = JSON.parse(await this.#ask('/v3/cluster/member/list', '{}')) as {
      members: { ID: string; name?: string; peerURLs: string[] }[];
    };
    return answer.members;
  }

  async #everywhere(machines: MachineLayout[], command: (machine: MachineLayout) => string): Promise<void> {
    await Promise.all(machines.map((machine) => enter(machine.netns, command(machine))));
  }

  async #ask(path: string, body: string): Promise<string> {
    const failures: string[] = [];
    for (const { address, name } of this.#all) {
      try {
        return await request(address, path, body);
      } catch (error) {
        failures.push(`${name}: ${String(error)}`);
      }
    }
    throw new Error(`no etcd answers: ${failures.join('; ')}`);
  }
}

async function request(address: string, path: string, body?: string): Promise<string> {
  const options = { signal: AbortSignal.timeout(2000), ...(body === undefined ? {} : { method: 'POST', body }) };
  const response = await fetch(`http://${address}:2379${path}`, options);
  if (!response.ok) throw new Error(await response.text());
  return await response.text();
}
