import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { EtcdCluster } from './etcd.ts';
import type { Fault } from './faults.ts';
import { type LabConfig, configOf, writeClientFiles, writeKeys } from './files.ts';
import { buildImages } from './images.ts';
import { type LabLayout, installPaths, machinesOf, subnet } from './layout.ts';
import { LabMachine, jsonLines } from './machine.ts';
import type { Request } from './power.ts';
import { requirePrograms } from './programs.ts';
import { claim, isSupervised, layoutOf, remove, saveLayout, saveProcess, socketOf } from './registry.ts';

export interface LabOptions {
  /** Lower-case letters and digits; several labs can be up at a time. Default: random. */
  name?: string;
  /** Folder of the lab, made and removed by it. Default: in the folder of temporary files. */
  dir?: string;
  /** Machines of the fleet, `cloudvirt1001.lab` and on. */
  machines: number;
  /** Members of an etcd cluster, `tools-etcd-1.lab` and on, and one more machine to add to it. Default: none. */
  etcdMembers?: number;
  /** Seconds that an installation takes. Default: 6. */
  installSeconds?: number;
  /** Seconds after which a lab ends that was told to outlive its owner. Default: 3 hours. */
  life?: number;
}

export interface BootRecord {
  time: string;
  machine: string;
  boot: 'installer' | 'disk' | 'none';
  os?: string;
  /** What the network said when it was asked. */
  pxe: 'not asked' | 'answered' | 'no answer';
}

/** A laboratory of real machines, BMCs and an install server on this machine. */
export class Lab {
  readonly machines: LabMachine[];
  readonly installServer: LabMachine;
  /** Present in a lab made with `etcdMembers`. */
  readonly etcd: EtcdCluster | undefined;
  readonly config: LabConfig;
  readonly #layout: LabLayout;

  private constructor(layout: LabLayout) {
    this.#layout = layout;
    this.config = configOf(layout);
    const all = layout.machines.map((machine) => ({ role: machine.role, machine: new LabMachine(machine) }));
    this.machines = all.filter(({ role }) => role !== 'install').map(({ machine }) => machine);
    const server = all.find(({ role }) => role === 'install');
    if (!server) throw new Error('a lab needs an install server');
    this.installServer = server.machine;
    this.etcd = all.some(({ role }) => role === 'etcd') ? new EtcdCluster(layout) : undefined;
  }

  /**
   * Makes a lab and waits until every machine answers by ssh (and etcd is healthy). It ends by itself when this process does.
   * Builds the images first if the cache has none.
   */
  static async up(options: LabOptions): Promise<Lab> {
    const name = options.name ?? randomBytes(3).toString('hex');
    if (!/^[a-z0-9]{1,16}$/.test(name))
      throw new Error(`lab name '${name}': 1 to 16 lower-case letters and digits needed`);
    const dir = resolve(options.dir ?? join(tmpdir(), `sumac-lab-${name}`));
    requirePrograms();
    const images = await buildImages();
    const network = await claim(name);
    const layout: LabLayout = {
      name,
      dir,
      network,
      gateway: subnet(network).host(0, 1),
      cidr: `${subnet(network).base}/20`,
      switchNetns: `sumac-${name}-switch`,
      salPort: 9200,
      installSeconds: options.installSeconds ?? 6,
      life: options.life ?? 3 * 3600,
      ipmiPassword: randomBytes(8).toString('hex'),
      images,
      machines: machinesOf({ name, dir, network }, options.machines, options.etcdMembers ?? 0),
    };
    try {
      if (existsSync(dir) && readdirSync(dir).length > 0) throw new Error(`lab folder ${dir} is not empty`);
      saveLayout(layout);
      for (const machine of layout.machines) mkdirSync(machine.dir, { recursive: true });
      await writeKeys(layout);
      await startPower(layout);
      writeClientFiles(layout);
      const lab = new Lab(layout);
      await lab.etcd?.healthy();
      return lab;
    } catch (error) {
      await remove(name);
      throw error;
    }
  }

  /** A lab that is up, made by another process. */
  static attach(name: string): Lab {
    const layout = layoutOf(name);
    if (!layout || !isSupervised(name)) throw new Error(`no lab '${name}' is up; see: lab status`);
    return new Lab(layout);
  }

  get name(): string {
    return this.#layout.name;
  }
  get dir(): string {
    return this.#layout.dir;
  }

  /** Ends every process of the lab and removes all that it made. */
  down(): Promise<void> {
    return remove(this.name);
  }

  /** Lets the lab outlive the process that made it, by its `life` at most. */
  async keep(): Promise<void> {
    await this.#request({ do: 'keep' });
  }

  /** A machine by full or short name. */
  machine(host: string): LabMachine {
    const found = [...this.machines, this.installServer].find(({ name, short }) => name === host || short === host);
    if (!found) throw new Error(`no machine '${host}' in lab ${this.name}`);
    return found;
  }

  /** Brings a machine back to its first system and host key, its counts, faults, snippet and proof removed; about 2 s. */
  async reset(host: string): Promise<void> {
    await this.#request({ do: 'reset', host });
  }

  /** Ends the established ssh connections of a machine; what runs in them goes on, or not, as in life. */
  dropConnections(host: string): Promise<void> {
    return this.fault({ fault: 'dropConnections', host });
  }
  /** Pulls the machine's network cable, or puts it back. */
  net(host: string, state: 'up' | 'down'): Promise<void> {
    return this.fault({ fault: 'net', host, state });
  }
  /** Stops every process of a machine: it takes packets and does nothing more. */
  freeze(host: string, on: boolean): Promise<void> {
    return this.fault({ fault: 'freeze', host, on });
  }
  /** Stops a machine's sshd for a while: new connections are refused, established ones stay. */
  refuseLogins(host: string, seconds: number): Promise<void> {
    return this.fault({ fault: 'refuseLogins', host, seconds });
  }
  bmcSilent(host: string, on: boolean): Promise<void> {
    return this.fault({ fault: 'bmcSilent', host, on });
  }
  installerHangs(host: string, on: boolean): Promise<void> {
    return this.fault({ fault: 'installerHangs', host, on });
  }
  dhcpRefreshFails(on: boolean): Promise<void> {
    return this.fault({ fault: 'dhcpRefreshFails', on });
  }

  async fault(fault: Fault): Promise<void> {
    await this.#request({ do: 'fault', fault });
  }

  /** DHCP snippets on the install server: contents by file name. */
  snippets(): Record<string, string> {
    return filesIn(installPaths(this.#layout).snippets);
  }

  /** Proofs that installers have reported, by short host name. */
  proof(host: string): { token: string; os: string; hostKey: string } | undefined {
    const text = filesIn(installPaths(this.#layout).proofs)[`${this.machine(host).short}.json`];
    return text === undefined ? undefined : (JSON.parse(text) as { token: string; os: string; hostKey: string });
  }

  /** Messages that the relay of the server admin log has received. */
  sal(): string[] {
    return jsonLines<{ message: string }>(join(this.dir, 'sal.log')).map(({ message }) => message);
  }

  /** Every boot of every machine, oldest first. */
  boots(): BootRecord[] {
    return jsonLines<BootRecord>(join(this.dir, 'boots.log'));
  }

  /** The comparable state of all that a cookbook can change. */
  async snapshot() {
    return {
      machines: Object.fromEntries(this.machines.map((machine) => [machine.name, machine.snapshot()])),
      snippets: this.snippets(),
      etcdMembers: (await this.etcd?.members()) ?? [],
    };
  }

  #request(body: Request): Promise<void> {
    return new Promise((done, failed) => {
      const sent = request({ socketPath: socketOf(this.name), method: 'POST' }, (response) => {
        text(response).then((answer) => {
          if (response.statusCode === 200) done();
          else failed(new Error(answer));
        }, failed);
      });
      sent.on('error', failed).end(JSON.stringify(body));
    });
  }
}

function filesIn(dir: string): Record<string, string> {
  const names = readdirSync(dir).sort();
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(dir, name), 'utf8')]));
}

/** Starts the lab's own process, and waits until its machines are reachable. */
function startPower(layout: LabLayout): Promise<void> {
  const file = join(layout.dir, 'power.log');
  const log = openSync(file, 'a');
  const power = spawn(process.execPath, [join(import.meta.dirname, 'power.ts'), layout.name], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  saveProcess(layout.name, 'supervisor', power.pid ?? 0);
  return new Promise((ready, failed) => {
    const onExit = () => failed(new Error(`the lab did not start: ${readFileSync(file, 'utf8').slice(-2000)}`));
    power.once('exit', onExit).once('message', () => {
      power.off('exit', onExit);
      power.unref();
      power.channel?.unref();
      ready();
    });
  });
}
