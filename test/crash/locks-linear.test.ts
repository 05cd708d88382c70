import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { earlyLosses, lateLosses, violationsOf, type Holding } from './locks/check.ts';
import { Cluster } from './locks/cluster.ts';
import { away, clusterFaults, frozenLeader, workerFaults, type Fault } from './locks/faults.ts';
import { steadyMs } from './locks/history.ts';
import { Network, whyNoNetwork } from './locks/network.ts';
import { Notes } from './locks/notes.ts';
import { marathon, marathonTtl } from './locks/turns.ts';
import { Workers } from './locks/workers.ts';

const skip = whyNoNetwork() ?? false;
const acquisitions = 10_000;
const members = ['m1', 'm2', 'm3'];
const places = ['w1', 'w2', 'w3', 'w4', 'w5'];
const minutesWrong = [0, 4, -3, 8, 2];

test(
  'locks on a cluster in trouble are never shared by more than they bear',
  { skip, timeout: 1_100_000 },
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'sumac-linear-'));
    const network = await Network.make([...members, ...places, marathon.lock]);
    const cluster = await Cluster.start(network, members);
    const workers = new Workers(network);
    const notes = new Notes(dir, [...places, marathon.lock]);
    const late: Holding[] = [];
    try {
      const start = (place: string, contenders: string[], skew: number) =>
        workers.start(place, { urls: cluster.urls, file: notes.fileOf(place), contenders, skew });
      const began = steadyMs();
      const busy = monitorEventLoopDelay({ resolution: 50 });
      busy.enable();
      const say = (what: string) => t.diagnostic(`${((steadyMs() - began) / 1000).toFixed(1)} s: ${what}`);
      start(marathon.lock, [marathon.holder, marathon.rival], -6);
      places.forEach((place, i) =>
        start(
          place,
          Array.from({ length: 10 }, (_, number) => `${place}-${number}`),
          minutesWrong[i] ?? 0,
        ),
      );
      const happens = async ([name, body]: Fault) => {
        say(name);
        await body();
        await cluster.healthy();
        await sleep(1000);
      };
      const allOf = async (faults: readonly Fault[]) => {
        for (const fault of faults) await happens(fault);
      };
      await notes.longHolding(away.frozen, 0);
      await Promise.all([
        allOf(clusterFaults(cluster)),
        allOf(workerFaults({ workers, network, notes }, members, (holding) => late.push(holding))),
      ]);
      await happens(frozenLeader(cluster));
      await happens(['the worker of the long run is killed', () => workers.replace(marathon.lock)]);
      while (steadyMs() - began < 10.5 * marathonTtl * 1000 || notes.acquisitions < acquisitions) await sleep(1000);
      say('all is well, the runs come to their end');
      await workers.end();

      const { holdings } = notes;
      // What runs on this machine is as late as this process was.
      const slackMs = 3000 + busy.max / 1e6;
      const lost = holdings.filter(({ lostAt }) => lostAt !== undefined);
      const refused = holdings.filter(({ effects }) => effects.some(({ accepted }) => !accepted));
      say(
        `${holdings.length} locks taken, ${lost.length} lost, ${refused.length} runs refused by their fencing number`,
      );
      assert.deepEqual(workers.broken, []);
      assert.deepEqual(violationsOf(holdings), []);
      const inTime = holdings.filter(({ run }) => !run.startsWith(`${away.frozen}-`));
      assert.deepEqual(lateLosses(inTime, slackMs), []);
      // A leader that had no processor for long may do what frozenLeader tells of.
      for (const early of earlyLosses(holdings, slackMs)) say(early);
      assert.ok(
        lost.some(({ run }) => run.startsWith(`${away.cutOff}-`)),
        'nobody lost a lock that could not be renewed',
      );
      for (const { run } of late)
        assert.ok(
          refused.some((one) => one.run === run),
          `${run} came back too late and was not refused`,
        );
      const long = holdings.find(({ run }) => run === `${marathon.holder}.0`);
      assert.ok(long && long.lostAt === undefined, 'the long run lost its lock');
      assert.ok(long.until - long.from > 10 * marathonTtl * 1000, 'the long run was not long');
      // Notes of releases go with their leases.
      const left = () => cluster.ctl(members, 'get', '/spicerack/', '--prefix', '--keys-only');
      for (let seconds = 0; (await left()).trim() !== '' && seconds < 30; seconds++) await sleep(1000);
      assert.equal((await left()).trim(), '');
    } finally {
      workers.kill();
      await cluster.stop();
      await network.remove();
      rmSync(dir, { recursive: true, force: true });
    }
  },
);
