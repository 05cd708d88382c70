import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LabLayout, MachineLayout } from './layout.ts';
import { enter } from './processes.ts';

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
    const answer = await this.#ask('/v3/cluster/member/list', '{}');
    const { members } = JSON.parse(answer) as { members: { name?: string; peerURLs: string[] }[] };
    return members
      .map(({ name = '', peerURLs }) => ({ name, peerURLs }))
      .sort((one, other) => (one.peerURLs.join() < other.peerURLs.join() ? -1 : 1));
  }

  /** Waits until each of the founding members says that it is healthy. */
  async healthy(seconds = 30): Promise<void> {
    const end = Date.now() + seconds * 1000;
    for (const { address, name } of this.#founders) {
      for (;;) {
        const answer = await request(address, '/health').catch((error: unknown) => String(error));
        if (answer.includes('"true"')) break;
        if (Date.now() > end) throw new Error(`etcd on ${name} is not healthy: ${answer}`);
        await sleep(50);
      }
    }
  }

  /** A new, empty cluster of the founding members; the spare machine stopped and as it was made. */
  async reset(): Promise<void> {
    await this.#everywhere(this.#all, () => 'systemctl stop etcd; rm -rf /var/lib/etcd/default');
    await this.#everywhere(this.#all, ({ dir }) => {
      const settings = readFileSync(join(dir, 'initial/etc/default/etcd'), 'utf8');
      return `cat >/etc/default/etcd <<'END'\n${settings}END\n`;
    });
    await this.#everywhere(this.#founders, () => 'systemctl start etcd');
    await this.healthy();
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
