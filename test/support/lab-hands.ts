import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Call } from '../../activities/define.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Remote } from '../../src/remote/remote.ts';
import { Lab, type LabOptions } from '../lab/lab.ts';
import { writeSumacConfig } from '../lab/sumac-config.ts';
import { callOf } from './call.ts';

/** A lab, and what activities need to work on it without a Temporal server. */
export interface LabHands {
  lab: Lab;
  remote: Remote;
  /** @param run workflow id of the run that asks */
  call(run?: string, overrides?: Partial<Call>): Call;
  down(): Promise<void>;
}

export async function labHands(options: LabOptions): Promise<LabHands> {
  const lab = await Lab.up(options);
  const dir = mkdtempSync(join(tmpdir(), 'sumac-hands-'));
  const file = writeSumacConfig(lab.config, {
    dir,
    temporal: { address: '127.0.0.1:1', task_queue: 'none' },
    etcd: 'http://127.0.0.1:1',
  });
  const { config } = await loadConfig(file);
  const remote = new Remote(config);
  return {
    lab,
    remote,
    call: (run = 'run-1', overrides = {}) => callOf({ config, remote }, { run, ...overrides }),
    async down() {
      await remote.close();
      await lab.down();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
