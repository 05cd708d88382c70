import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { median, rounds } from '../table.ts';
import type { Case } from './cases.ts';
import { cpuMsOf, type FleetLab } from './lab.ts';

/** What one call of a program cost, in milliseconds. */
export interface Cost {
  wall: number;
  /** CPU of all its processes that it waited for. */
  cpu: number;
  /** CPU of the servers. */
  server: number;
}

/** Medians, and each figure. */
export interface Costs extends Cost {
  all: Cost[];
}

const call = promisify(execFile);
const childrenMs = () => cpuMsOf(readFileSync('/proc/self/stat', 'utf8'), false);

/** @throws with what it printed, when it does not end with 0 */
async function cost(lab: FleetLab, { file, args, env, after }: Case): Promise<Cost> {
  const [server, client, began] = [await lab.cpuMs(), childrenMs(), performance.now()];
  await call(file, [...args], { env });
  const [wall, cpu] = [performance.now() - began, childrenMs() - client];
  await after?.();
  return { wall, cpu, server: (await lab.cpuMs()) - server };
}

/** Measures all cases in turns, in an order that goes round, each once before for its caches. */
export async function costs(lab: FleetLab, cases: Record<string, Case>): Promise<Map<string, Costs>> {
  const names = Object.keys(cases);
  const figures = new Map(names.map((name): [string, Cost[]] => [name, []]));
  for (let round = -1; round < rounds; round++)
    for (const i of names.keys()) {
      const name = names[(i + round + names.length) % names.length] ?? '';
      const figure = await cost(lab, cases[name] as Case);
      if (round >= 0) figures.get(name)?.push(figure);
    }
  return new Map(
    [...figures].map(([name, all]) => {
      const middle = (of: keyof Cost) => median(all.map((each) => each[of]));
      return [name, { wall: middle('wall'), cpu: middle('cpu'), server: middle('server'), all }];
    }),
  );
}
