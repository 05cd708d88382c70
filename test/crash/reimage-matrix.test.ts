import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { RunResult } from '../../src/model/run.ts';
import type { LabMachine } from '../lab/machine.ts';
import type { CookbookWorker } from '../lab/cookbook-worker.ts';
import { Stage, untilEvent, type Lane } from './support/stage.ts';

const lanes = 4;
const cookbook = 'sre.hosts.reimage';
let stage: Stage;

before(async () => {
  stage = await Stage.up({ machines: lanes, installSeconds: 3 });
});
after(() => stage.down());

/** One lane at work: its worker lives on from one re-image to the next until it is killed. */
class Post {
  readonly lane: Lane;
  readonly machine: LabMachine;
  #worker: CookbookWorker | undefined;
  constructor(lane: Lane, machine: LabMachine) {
    this.lane = lane;
    this.machine = machine;
  }

  async reimage(killAt?: number): Promise<{ events: number; names: string[] }> {
    await this.lane.reset(this.machine);
    this.#worker ??= await this.lane.worker();
    const handle = await this.lane.start(cookbook, [this.machine.name, '--os', 'trixie', '--force']);
    if (killAt !== undefined) {
      await untilEvent(stage.temporal, handle, killAt);
      await this.kill();
      this.#worker = await this.lane.worker();
    }
    const result = (await handle.result()) as RunResult;
    assert.equal(result.exitCode, 0);
    await this.#asItShouldBe(handle.workflowId);
    const { events = [] } = await handle.fetchHistory();
    const names = (events ?? []).map(
      (event) =>
        event.activityTaskScheduledEventAttributes?.activityId ??
        Object.keys(event)
          .find((key) => key.endsWith('EventAttributes') && event[key as keyof typeof event])
          ?.replace('EventAttributes', '') ??
        '',
    );
    return { events: events?.length ?? 0, names };
  }

  async #asItShouldBe(run: string): Promise<void> {
    const { machine, lane } = this;
    assert.equal(machine.os(), 'trixie', 'the new system runs');
    assert.equal(machine.powerCycles(), 1, 'one power cycle by the BMC’s own count');
    assert.deepEqual(
      stage.lab
        .boots()
        .filter((boot) => boot.machine === machine.name)
        .slice(-3)
        .map(({ boot }) => boot),
      ['installer', 'disk', 'disk'],
      'one installation, one boot after it, one reboot',
    );
    assert.equal(machine.bootOverride(), 'none');
    assert.equal(
      Object.keys(stage.lab.snippets()).some((name) => name.includes(machine.short)),
      false,
      'no snippet left',
    );
    assert.deepEqual(
      lane.sal(run).map((line) => line.replace(/^!log \S+ (START|END \(PASS\)) .*/s, '$1')),
      ['START', 'END (PASS)'],
    );
    assert.deepEqual(lane.downtimes().log, [
      `add ${machine.name}`,
      `remove ${lane.downtimes().log[1]?.split(' ')[1] ?? ''}`,
    ]);
    const accepted = readFileSync(join(lane.dir, 'state', 'known_hosts.d', machine.name), 'utf8');
    assert.ok(
      accepted.includes(machine.hostKey()?.split(' ')[1] ?? 'none'),
      'the new host key is the one that was proven',
    );
    assert.equal(
      await stage.etcd.ctl('get', '--prefix', '--keys-only', `/spicerack/locks/cookbooks/${cookbook}:${machine.name}`),
      '',
      'no lock left',
    );
  }

  async kill(): Promise<void> {
    await this.#worker?.kill();
    this.#worker = undefined;
  }
}

test(
  'kill -9 of the worker after every event of a re-image: the same end, every effect once',
  { timeout: 40 * 60_000 },
  async (t) => {
    const posts = await Promise.all(
      stage.lab.machines.slice(0, lanes).map(async (machine) => new Post(await stage.lane(), machine)),
    );
    const good = await posts[0]?.reimage();
    assert.ok(good);
    const places = Array.from({ length: good.events - 1 }, (_, at) => at + 1);
    const grid = new Map<number, string>();
    const failures: string[] = [];
    const work = async (post: Post) => {
      for (let place = places.shift(); place !== undefined; place = places.shift()) {
        const name = `${place} ${good.names[place - 1] ?? ''}`;
        try {
          await post.reimage(place);
          grid.set(place, `ok    ${name}`);
        } catch (error) {
          grid.set(place, `WRONG ${name}`);
          failures.push(`killed at ${name} on ${post.machine.name}: ${String(error)}`);
          if (failures.length > 3) return;
        }
      }
    };
    await Promise.all(posts.map(work));
    await Promise.all(posts.map((post) => post.kill()));
    for (const [, line] of [...grid].sort(([a], [b]) => a - b)) t.diagnostic(line);
    assert.deepEqual(failures, []);
    assert.equal(grid.size, good.events - 1);
  },
);
