import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testCli, type Going, type TestCli } from '../support/cookbook-cli.ts';
import { startEtcd } from '../support/etcd.ts';
import { startTemporal, type TemporalServer } from '../support/temporal.ts';
import type { Program } from './table.ts';

/** Sumac as it is installed: Temporal on disk, etcd for the locks, the real CLI and one real worker. */
export interface Stage {
  dir: string;
  temporal: TemporalServer;
  etcdUrl: string;
  cli: TestCli;
  cookbook: Program;
  worker: Going;
  stop(): Promise<void>;
}

/** @param more lines of the configuration */
export async function openStage(more = ''): Promise<Stage> {
  const dir = mkdtempSync(join(tmpdir(), 'sumac-bench-'));
  const temporal = await startTemporal({ database: join(dir, 'temporal.db') });
  // Spicerack's locks use the older API.
  const etcd = await startEtcd(['--enable-v2']);
  const cli = testCli(
    `cookbooks_base_dirs: [${import.meta.dirname}]
logs_base_dir: DIRECTORY/logs
state_dir: DIRECTORY/state
temporal: { address: '${temporal.address}' }
etcd: { hosts: ['${etcd.url}'] }
${more}`,
  );
  const cookbook: Program = {
    file: join(import.meta.dirname, '../../bin/cookbook'),
    args: ['-c', join(cli.directory, 'config.yaml')],
    env: { ...process.env, XDG_CACHE_HOME: join(cli.directory, 'cache') },
  };
  const stop = async () => {
    await cli.stop();
    await etcd.stop();
    await temporal.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    return { dir, temporal, etcdUrl: etcd.url, cli, cookbook, worker: await cli.worker(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
