import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunResult } from '../../src/model/run.ts';
import { Engine } from '../support/world/engine.ts';

const count = 1000;

test(
  'a fleet of 1,000 hosts continues as new, keeps its histories short and its worker small',
  { timeout: 600_000 },
  async (t) => {
    const engine = await Engine.start();
    try {
      const scene = engine.scene();
      const worker = await engine.worker(scene);
      const hosts = Array.from({ length: count }, (_, i) => `cloudvirt${1000 + i}.lab`);
      const handle = await scene.start('world.fleet', { hosts, options: { width: 20, canaries: 3 } });
      const touched = () => scene.effects.filter((effect) => effect.startsWith('touch ')).length;
      const samples: number[] = [];
      for (const share of [0.3, 0.6, 0.9]) {
        await scene.until(() => touched() >= count * share, 300_000);
        samples.push(worker.memory());
      }
      const result = (await handle.result()) as RunResult;
      await worker.kill();

      assert.equal(result.exitCode, 0);
      assert.deepEqual(
        [...new Set(scene.effects)].sort(),
        ['after the fleet', 'before the fleet', ...hosts.map((host) => `touch ${host}`)].sort(),
      );
      assert.equal(scene.effects.length, count + 2, 'every effect once');

      const { client } = engine.temporal;
      const lengths: number[] = [];
      let runId =
        (await client.workflow.getHandle(handle.workflowId).describe()).raw.workflowExecutionInfo?.firstRunId ?? '';
      while (runId !== '') {
        const { events } = await client.workflow.getHandle(handle.workflowId, runId).fetchHistory();
        lengths.push(events?.length ?? 0);
        runId = events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? '';
      }
      t.diagnostic(
        `events of each run: ${lengths.join(', ')}; worker MiB at 30, 60, 90 %: ${samples.map(Math.round).join(', ')}`,
      );
      assert.ok(lengths.length >= 2, 'it continued as new');
      assert.ok(Math.max(...lengths) < 15_000);
      const [early = 0, , late = 0] = samples;
      assert.ok(late < early * 1.35 + 30, `memory grew from ${early} to ${late} MiB`);
    } finally {
      await engine.stop();
    }
  },
);
