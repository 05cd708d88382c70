import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { HostSet } from '../../src/model/host-set.ts';
import { inTurns, beside, timed } from './table.ts';
import { peer, peerEnv } from './venv.ts';

const names = (first: number, step: number, count: number, suffix: string) =>
  Array.from({ length: count }, (_, i) => `host${first + step * i}${suffix}`);

/** Host sets of a million names and of a real fleet's, beside ClusterShell's in a process that is kept, as ours is. */
export async function hostsets(): Promise<void> {
  const million = names(1, 1, 1_000_000, '');
  // ClusterShell's time grows with the square of a list in text: a million would take it hours.
  const text = names(1, 1, 10_000, '').join();
  const fleet = ['eqiad.wmnet', 'codfw.wmnet', 'esams.wmnet', 'eqiad1.wikimedia.cloud'].flatMap((domain) =>
    ['db', 'cp', 'wikikube-worker', 'cloudvirt', 'ms-be'].flatMap((role) =>
      Array.from({ length: 150 }, (_, i) => `${role}${1000 + i + (i % 7 === 0 ? 300 : 0)}.${domain}`),
    ),
  );
  const one = HostSet.of(names(0, 3, 500_000, '.lab'));
  const other = HostSet.of(names(0, 5, 500_000, '.lab'));
  const cases: Record<string, [what: string, ours: () => unknown]> = {
    names: ['1,000,000 names folded', () => String(HostSet.of(million))],
    text: ['10,000 names in a comma list parsed and folded', () => String(HostSet.parse(text))],
    range: ['host[1-1000000].lab parsed and folded', () => String(HostSet.parse('host[1-1000000].lab'))],
    operations: [
      'union, difference, intersection, symmetric difference of 500,000 names with gaps',
      () => [one.union(other), one.difference(other), one.intersection(other), one.symmetricDifference(other)],
    ],
    fleet: ['3,000 names of a fleet folded', () => String(HostSet.of(fleet))],
    grid: [
      '2,000 names with two numbers, one taken out, folded',
      () => String(HostSet.parse('rack[1-40]-u[1-40],rack[41-60]-u[1-20]!rack7-u7')),
    ],
  };
  const theirs = spawn(await peer('python'), [join(import.meta.dirname, 'hostsets.py')], {
    env: peerEnv,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const answers = createInterface(theirs.stdout)[Symbol.asyncIterator]();
    for (const [name, [what, ours]] of Object.entries(cases)) {
      const figures = await inTurns(
        () => timed(async () => ours()),
        async () => {
          theirs.stdin.write(`${name}\n`);
          const answer = await answers.next();
          if (answer.done === true) throw new Error('hostsets.py ended');
          return Number(answer.value);
        },
      );
      beside(what, figures, 'ClusterShell', 0.5);
    }
  } finally {
    theirs.kill();
  }
}
