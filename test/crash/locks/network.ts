import { execFileSync } from 'node:child_process';
import { messageOf } from '../../../src/model/errors.ts';
import { namespacesOf, netnsPrefix, removeNetwork } from '../../lab/network.ts';
import { run } from '../../lab/processes.ts';
import '../../lab/programs.ts'; // completes PATH

/** A machine of its own on the network: a namespace with one address. */
export interface Place {
  name: string;
  netns: string;
  address: string;
}

/** What keeps such a network from being made here; nothing when it can be. */
export function whyNoNetwork(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  try {
    execFileSync('unshare', ['--net', 'iptables', '-A', 'INPUT', '-s', '10.9.8.1', '-j', 'DROP'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `packet filters in network namespaces do not work here: ${messageOf(error)}`;
  }
}

/** A network that nothing outside is part of: a switch, and a namespace with a cable to it for each place. */
export class Network {
  readonly #name = `locks${process.pid}`;
  readonly #switch = `${netnsPrefix(this.#name)}switch`;
  readonly #places = new Map<string, Place>();
  readonly #guard = () => {
    for (const netns of namespacesOf(this.#name)) execFileSync('ip', ['netns', 'del', netns]);
  };

  static async make(names: readonly string[]): Promise<Network> {
    const network = new Network();
    process.once('exit', network.#guard);
    const places = names.map((name, index) => ({
      name,
      netns: `${netnsPrefix(network.#name)}${name}`,
      address: `10.9.8.${index + 1}`,
    }));
    const outside = places.flatMap(({ netns, name }) => [
      `netns add ${netns}`,
      `link add ${name} netns ${network.#switch} type veth peer name eth0 netns ${netns}`,
    ]);
    await run('ip', ['-batch', '-'], [`netns add ${network.#switch}`, ...outside].join('\n'));
    const plugs = places.map(({ name }) => `link set ${name} master br0 up`);
    await run(
      'ip',
      ['-n', network.#switch, '-batch', '-'],
      ['link add br0 type bridge', 'link set br0 up', ...plugs].join('\n'),
    );
    for (const place of places) {
      const inside = ['link set lo up', `addr add ${place.address}/24 dev eth0`, 'link set eth0 up'];
      await run('ip', ['-n', place.netns, '-batch', '-'], inside.join('\n'));
      network.#places.set(place.name, place);
    }
    return network;
  }

  at(name: string): Place {
    const place = this.#places.get(name);
    if (!place) throw new Error(`no place ${name}`);
    return place;
  }

  /** Nothing that comes from these places gets in any more. */
  async drop(name: string, from: readonly string[]): Promise<void> {
    for (const one of from) await this.#filter(name, '-A', 'INPUT', '-s', this.at(one).address, '-j', 'DROP');
  }

  async heal(name: string): Promise<void> {
    await this.#filter(name, '-F', 'INPUT');
  }

  #filter(name: string, ...rule: string[]): Promise<string> {
    return run('nsenter', [`--net=/run/netns/${this.at(name).netns}`, 'iptables', '-w', ...rule]);
  }

  /** Whatever lived in it must have ended. */
  async remove(): Promise<void> {
    await removeNetwork(this.#name);
    process.off('exit', this.#guard);
  }
}
