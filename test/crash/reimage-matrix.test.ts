import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import type { RunResult } from '../../src/model/run.ts';
import type { LabMachine } from '../lab/machine.ts';
import type { CookbookWorker } from '../lab/cookbook-worker.ts';
import { Stage, until, untilEvent, type Lane } from './support/stage.ts';

const lanes = Number(process.env.CRASH_LANES ?? 4);
const cookbook = 'sre.hosts.reimage';
let stage: Stage;

before(async () => {
  stage = await Stage.up({ machines: lanes, installSeconds: 3 });
});
after(() => stage.down());

interface Place {
  event: number;
  what: string;
}

/**
 * Events of a good run after which its worker is killed: every activity's scheduling and end, both sides of each
 * boundary. With CRASH_EVERY_EVENT set also what lies between, the events of workflow tasks.
 */
function placesOf(events: NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>): Place[] {
  const scheduled = new Map(
    events.map((event) => [Number(event.eventId), event.activityTaskScheduledEventAttributes?.activityId ?? '']),
  );
  return events.slice(0, -1).flatMap((event) => {
    const number = Number(event.eventId);
    const end = event.activityTaskCompletedEventAttributes ?? event.activityTaskCanceledEventAttributes;
    if (scheduled.get(number)) return [{ event: number, what: `scheduled ${scheduled.get(number) ?? ''}` }];
    if (end) return [{ event: number, what: `completed ${scheduled.get(Number(end.scheduledEventId)) ?? ''}` }];
    return process.env.CRASH_EVERY_EVENT ? [{ event: number, what: `event type ${event.eventType ?? ''}` }] : [];
  });
}

/** One lane at work: its worker lives on from one re-image to the next until it is killed. */
class Post {
  readonly lane: Lane;
  readonly machine: LabMachine;
  #worker: CookbookWorker | undefined;
  constructor(lane: Lane, machine: LabMachine) {
    this.lane = lane;
    this.machine = machine;
  }

  async reimage(killAt?: number): Promise<Place[]> {
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
    return placesOf((await handle.fetchHistory()).events ?? []);
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
    // The relay takes what it was sent a moment later.
    await until('END on the SAL', () => lane.sal(run).some((line) => line.includes(' END ')), 5000).catch(
      () => undefined,
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
    const all = (await posts[0]?.reimage()) ?? [];
    const places = [...all];
    t.diagnostic(`${all.length} places to kill at`);
    const grid = new Map<number, string>();
    const failures: string[] = [];
    const work = async (post: Post) => {
      for (let place = places.shift(); place !== undefined; place = places.shift()) {
        const name = `${place.event} ${place.what}`;
        try {
          await post.reimage(place.event);
          grid.set(place.event, `ok    ${name}`);
        } catch (error) {
          grid.set(place.event, `WRONG ${name}`);
          const failure = `killed at ${name} on ${post.machine.name}: ${String(error)}`;
          console.log(failure);
          failures.push(failure);
          if (failures.length > 3) return;
        }
      }
    };
    try {
      await Promise.all(posts.map(work));
    } finally {
      await Promise.all(posts.map((post) => post.kill()));
    }
    for (const [, line] of [...grid].sort(([a], [b]) => a - b)) t.diagnostic(line);
    assert.deepEqual(failures, []);
    assert.equal(grid.size, all.length);
  },
);
