import { cpus } from 'node:os';
import { type Bar, row } from '../table.ts';
import type { Costs } from './cost.ts';

/**
 * One row per case, Sumac's with its bars; what is not its default is only set beside the peers.
 * @param most how many times a peer's time it may take; nothing for a peer that is only shown
 * @param cpuMs bar of the client's CPU
 */
export function report(what: string, all: Map<string, Costs>, most: Record<string, number>, cpuMs?: number): void {
  for (const [name, { cpu, server, all: figures, wall }] of all) {
    const bars: Bar[] = [{ text: `client ${seconds(cpu)}, servers ${seconds(server)} of CPU` }];
    const isDefault = name === 'sumac';
    if (name.startsWith('sumac'))
      for (const [peer, factor] of Object.entries(most)) {
        const times = wall / (all.get(peer)?.wall ?? Number.NaN);
        bars.push(barOf(times, `${times.toFixed(3)} x ${peer}`, isDefault ? factor : undefined));
      }
    if (isDefault) {
      if (cpuMs !== undefined) bars.push({ text: `client CPU at most ${seconds(cpuMs)}`, met: cpu <= cpuMs });
      const times = cpu / (all.get('parallel-ssh')?.cpu ?? Number.NaN);
      bars.push(barOf(times, `client CPU ${times.toFixed(2)} x parallel-ssh`, cpuMs && cpuMs / psshMs));
      // All of them share this machine: even a client that costs nothing waits for the servers.
      bars.push({ text: `${(wall / (server / cpus().length)).toFixed(2)} x what the servers alone need` });
    }
    row(
      `${what}, ${name}`,
      figures.map((figure) => figure.wall),
      'ms',
      ...bars,
    );
  }
}

/** What parallel-ssh takes where the bar of the client's CPU was set: the same goal on a machine of another speed. */
const psshMs = 207;

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

const barOf = (times: number, text: string, most: number | undefined): Bar =>
  most === undefined ? { text } : { text: `${text}, at most ${most.toFixed(2)}`, met: times <= most };
