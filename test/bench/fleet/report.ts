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
    if (name === 'sumac with nistp256') bars.push(...beside(wall, all, Object.keys(most)));
    else if (name === 'sumac') {
      for (const [peer, factor] of Object.entries(most)) bars.push(beat(wall, all.get(peer)?.wall, peer, factor));
      if (cpuMs !== undefined) bars.push({ text: `client CPU at most ${seconds(cpuMs)}`, met: cpu <= cpuMs });
      const pssh = all.get('parallel-ssh');
      if (pssh) bars.push(...cpuBeside(cpu, pssh.cpu, cpuMs));
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

function cpuBeside(cpu: number, pssh: number, most: number | undefined): Bar[] {
  const [factor, text] = [cpu / pssh, `client CPU ${(cpu / pssh).toFixed(2)} x parallel-ssh`];
  if (most === undefined) return [{ text }];
  return [{ text: `${text}, at most ${(most / psshMs).toFixed(2)}`, met: factor <= most / psshMs }];
}

const beside = (wall: number, all: Map<string, Costs>, peers: string[]): Bar[] =>
  peers.map((peer) => ({ text: `${(wall / (all.get(peer)?.wall ?? Number.NaN)).toFixed(3)} x ${peer}` }));

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

function beat(wall: number, theirs = Number.NaN, peer: string, most: number): Bar {
  const factor = wall / theirs;
  return { text: `${factor.toFixed(3)} x ${peer}, at most ${most.toFixed(2)}`, met: factor <= most };
}
