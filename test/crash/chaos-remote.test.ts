/**
 * Runs on 20 hosts whose commands must not be repeated, while workers, sshd and connections are killed at random.
 * CHAOS_KILLS: how many, however long it takes (default as many of 500 as fit into CHAOS_SECONDS, 120; fewer than one a second fail). CHAOS_SEED: that of an earlier time.
 */
import { WorkflowClient, type WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunInput, contextHeader } from '../../src/model/run.ts';
import { type Going, type TestCli, testCli } from '../support/cookbook-cli.ts';
import { startSshLab, type SshLab } from '../support/sshd.ts';
import { startTemporal, type TemporalServer } from '../support/temporal.ts';
import { operator, resultOf } from '../support/world/engine.ts';

const full = process.env['CHAOS_KILLS'];
const kills = Number(full ?? 500);
const mostMs = full === undefined ? Number(process.env['CHAOS_SECONDS'] ?? 120) * 1000 : Number.POSITIVE_INFINITY;
/** A slow machine may do fewer than are wanted, but not a handful. */
const leastKills = Math.min(kills, mostMs / 1000);
const seed = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const hosts = Array.from({ length: 20 }, (_, i) => `chaos${i + 1}`);
/** Runs at a time on four hosts each, besides one on all. */
const width = 6;
const rounds = 4;

/** Appends a word of its own to the counter of each host, round by round, and reports what came of it. */
const cookbook = `
import type { Args, Spicerack } from 'sumac';
export const title = 'Counts';
export async function run(args: Args, spicerack: Spicerack) {
  const hosts = await spicerack.remote().query(String(args.hosts));
  const report: Record<string, string> = {};
  for (let round = 0; round < Number(args.rounds); round++) {
    const word = args.name + '-' + round;
    const ends = await spicerack.step('count ' + round, { undo: () => Promise.resolve(), write: async () => {
      const commands = ['echo ' + word + ' >>$HOME/counter; sleep 0.' + (round + 1)];
      let results;
      try {
        results = (await hosts.runSync({ commands, patience: '1h' })).results;
      } catch (error) {
        ({ results } = error as { results: typeof results });
        if (results === undefined) throw error;
      }
      return results.map(({ host, ok, error }) => [host, ok ? 'done' : (error?.kind ?? 'failed') + ' ' + (error?.message ?? '')]);
    } });
    for (const [host, end] of ends) report[host + ' ' + word] = end ?? '';
  }
  spicerack.report(report);
}`;

/** Numbers below 1 in an order that the seed decides (mulberry32). */
function randomOf(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

let lab: SshLab;
let temporal: TemporalServer;
let cli: TestCli;
before(async () => {
  process.setMaxListeners(100);
  [lab, temporal] = await Promise.all([startSshLab(hosts), startTemporal()]);
  mkdirSync(join(lab.dir, 'cookbooks/chaos'), { recursive: true });
  writeFileSync(join(lab.dir, 'cookbooks/chaos/count.ts'), cookbook);
  cli = testCli(`cookbooks_base_dirs: ['${lab.dir}']
logs_base_dir: DIRECTORY/logs
state_dir: DIRECTORY/state
temporal: { address: '${temporal.address}' }
ssh: { config_file: '${lab.sshConfig}', identity_files: ['${lab.key}'], known_hosts: ['${lab.knownHosts}'], agent: false }
`);
});
after(async () => {
  await cli.stop();
  await temporal.stop();
  await lab.close();
});

/** A worker that polls, however slow this machine is. */
async function startWorker(): Promise<Going> {
  const worker = cli.start(['worker']);
  const gone = { yet: false };
  void worker.ended.then(() => (gone.yet = true));
  for (let i = 0; !worker.output.includes('ready after'); i++) {
    assert.ok(!gone.yet && i < 6000, `the worker does not come: ${worker.output}`);
    await sleep(50);
  }
  return worker;
}

test('whatever is killed, each command runs exactly once on each host, or its run says that nobody knows', async (t) => {
  t.diagnostic(`CHAOS_SEED=${seed}`);
  const random = randomOf(seed);
  const below = (count: number) => Math.floor(random() * count);
  const killed = { worker: 0, sshd: 0, connections: 0 };
  const total = () => killed.worker + killed.sshd + killed.connections;
  const began = Date.now();
  const goesOn = () => total() < kills && Date.now() - began < mostMs;

  const header = { [contextHeader]: defaultPayloadConverter.toPayload(operator) };
  const client = new WorkflowClient({
    connection: temporal.client.connection,
    interceptors: [{ startWithDetails: (given, next) => next({ ...given, headers: { ...given.headers, ...header } }) }],
  });
  const report: Record<string, string> = {};
  let runs = 0;
  const execute = async (of: readonly string[]): Promise<void> => {
    const name = `run${++runs}`;
    const input: RunInput = { argv: [], args: { hosts: of.join(','), rounds, name } };
    const taskQueue = lab.config.temporal.task_queue;
    const handle: WorkflowHandle = await client.start('chaos.count', {
      taskQueue,
      workflowId: `chaos.count/${name}`,
      args: [input],
    });
    const { exitCode, error, report: own } = await resultOf(handle);
    assert.equal(exitCode, 0, `${name}: ${error}`);
    Object.assign(report, own);
  };
  const lane = async (choose: () => readonly string[]): Promise<void> => {
    do await execute(choose());
    while (goesOn());
  };
  const some = () => {
    const at = below(hosts.length);
    return [0, 1, 2, 3].map((i) => hosts[(at + i) % hosts.length] ?? '');
  };

  const workers: Going[] = [await startWorker(), await startWorker()];
  const restarting = new Set<unknown>();
  const killWorker = (index: number) => {
    workers[index]?.kill('SIGKILL');
    killed.worker++;
    const next = startWorker().then((worker) => {
      workers[index] = worker;
      restarting.delete(next);
    });
    restarting.add(next);
  };
  const down = new Set<string>();
  const killSshd = async (name: string) => {
    down.add(name);
    await lab.host(name).kill();
    killed.sshd++;
    await sleep(below(1000));
    await lab.host(name).start();
    down.delete(name);
  };
  const killer = async (): Promise<void> => {
    const ends: Promise<void>[] = [];
    for (let nextWorker = 10; goesOn();) {
      await sleep(50 + below(300));
      const name = hosts[below(hosts.length)] ?? '';
      // One that comes back after another: somebody has to do the work.
      if (total() >= nextWorker && restarting.size === 0) {
        killWorker(below(workers.length));
        nextWorker = total() + 5 + below(10);
      } else if (down.has(name)) continue;
      else if (random() < 0.5) ends.push(killSshd(name));
      else {
        lab.host(name).cut();
        killed.connections++;
      }
    }
    await Promise.all([...ends, ...restarting]);
  };

  await Promise.all([killer(), lane(() => hosts), ...Array.from({ length: width }, () => lane(some))]);

  const counted = new Map<string, number>();
  for (const host of hosts) {
    const file = join(lab.dir, host, 'counter');
    for (const word of existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []) {
      const key = `${host} ${word}`;
      counted.set(key, (counted.get(key) ?? 0) + 1);
    }
  }
  const wrong = [...new Set([...Object.keys(report), ...counted.keys()])].filter((key) => {
    const [end = 'never reported', times = 0] = [report[key], counted.get(key)];
    return end === 'done' ? times !== 1 : !end.startsWith('unknown') || times > 1;
  });
  const unknown = Object.values(report).filter((end) => end.startsWith('unknown'));
  t.diagnostic(
    `${total()} kills (${JSON.stringify(killed)}) in ${Math.round((Date.now() - began) / 1000)} s; ` +
      `${runs} runs, ${Object.keys(report).length} commands, ${unknown.length} of unknown end`,
  );
  assert.deepEqual(
    wrong.map((key) => `${key}: ${report[key]}, counted ${counted.get(key) ?? 0}`),
    [],
  );
  // Nothing was rebooted, and no runner was killed: everything can be known.
  assert.deepEqual(unknown, []);
  assert.ok(total() >= leastKills, `${total()} kills show too little, ${leastKills} are needed`);
  assert.ok(killed.worker > 0 && killed.sshd > 0 && killed.connections > 0);
});
