import { WorkflowClient, type WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { announcements } from '../../../../activities/announce.ts';
import { groups } from '../../../../activities/groups.ts';
import { locks } from '../../../../activities/locks.ts';
import { queries } from './queries.ts';
import { Config } from '../../../../src/config/schema.ts';
import { contextHeader, names, type RunContext, type RunStatusReport } from '../../../../src/model/run.ts';
import type { EtcdConfig } from '../../../../src/locks/etcd-options.ts';
import { effectsOf } from '../../../../src/worker/activities.ts';
import { workflowBundle } from '../../../../src/worker/bundle.ts';
import { startEtcd } from '../../../support/etcd.ts';
import { TestRelay } from '../../../support/relay.ts';
import { startTemporal } from '../../../support/temporal.ts';
import { world } from '../../../support/world/activities.ts';

const operator: RunContext = {
  user: 'alice',
  host: 'laptop',
  dryRun: false,
  noLocks: false,
  verbose: false,
  onFailure: 'rollback',
};

export type Stage = Awaited<ReturnType<typeof setStage>>;

/**
 * Temporal, etcd, a relay and worker processes, for real locks between real runs.
 * @param etcdConfig what else the workers know of etcd
 */
export async function setStage(etcdConfig: Partial<EtcdConfig> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'sumac-locks-'));
  const [temporal, etcd, relay] = await Promise.all([startTemporal(), startEtcd(), TestRelay.start()]);
  const config = {
    cookbooks_base_dirs: [import.meta.dirname],
    logs_base_dir: join(dir, 'logs'),
    state_dir: join(dir, 'state'),
    etcd: { hosts: [etcd.url], ...etcdConfig },
    // Hosts of this name are known.
    ssh: { config_file: join(dir, 'ssh_config') },
    tcpircbot_host: '127.0.0.1',
    tcpircbot_port: relay.port,
  };
  writeFileSync(join(dir, 'ssh_config'), 'Host q?.lab\n  HostName 127.0.0.1\n');
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
  const { codePath } = await workflowBundle(
    Config.parse(config),
    effectsOf({ ...world(dir), ...locks, ...groups, ...announcements, ...queries }),
  );
  const workers = new Set<ChildProcess>();
  const killWorkers = () => workers.forEach((child) => child.kill('SIGKILL'));
  process.once('exit', killWorkers);

  return {
    dir,
    /** Of a client's configuration. */
    config: { ...config, temporal: { address: temporal.address, task_queue: 'q' } },
    etcd,
    relay,
    /** Starts a worker process and waits until it polls. @returns kill -9 */
    async worker(): Promise<() => Promise<void>> {
      const args = [temporal.address, codePath, dir, join(dir, 'config.json')];
      const child = fork(join(import.meta.dirname, 'worker-main.ts'), args, { execArgv: [] });
      workers.add(child);
      const [event] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
      if (event !== 'ready') throw new Error(`the worker ended with ${String(event)} before it polled`);
      return async () => {
        child.kill('SIGKILL');
        await once(child, 'exit');
        workers.delete(child);
      };
    },
    start(
      id: string,
      args: Record<string, unknown>,
      context: Partial<RunContext> = {},
      cookbook = 'locks.guarded',
    ): Promise<WorkflowHandle> {
      const header = { [contextHeader]: defaultPayloadConverter.toPayload({ ...operator, ...context }) };
      const { connection } = temporal.client;
      const client = new WorkflowClient({
        connection,
        interceptors: [{ startWithDetails: (given, next) => next({ ...given, headers: header }) }],
      });
      return client.start(cookbook, {
        taskQueue: 'q',
        workflowId: id,
        args: [{ argv: [], args: { suffix: id, ...args } }],
      });
    },
    /** Lets runs go on that wait for `name`. */
    let(name: string): void {
      writeFileSync(join(dir, name), '');
    },
    effects: () => readFileSync(join(dir, 'effects'), { encoding: 'utf8', flag: 'a+' }).split('\n').filter(Boolean),
    log: (name: string) => (existsSync(join(dir, 'logs', name)) ? readFileSync(join(dir, 'logs', name), 'utf8') : ''),
    /** Keys of holders and of those who wait; with notes of releases when `all` is set. */
    async locks(all = false): Promise<string[]> {
      const keys = (await etcd.ctl('get', '/spicerack/', '--prefix', '--keys-only')).split('\n').filter(Boolean);
      return keys.filter((key) => all || !key.startsWith('/spicerack/released/'));
    },
    /** No lock outlives its run, nor with `all` a note of its release. */
    async noLocksLeft(all = false): Promise<void> {
      let left: string[] = [];
      const gone = async () => (left = await this.locks(all)).length === 0;
      await this.until(gone).catch((error: unknown) => assert.deepEqual(left, [], String(error)));
    },
    /** Waits for the run's prompt and answers it. @returns what it asked */
    async answer(handle: WorkflowHandle, value: string): Promise<string> {
      let message: string | undefined;
      await this.until(async () => (message = (await this.status(handle)).prompts[0]?.message) !== undefined);
      await handle.executeUpdate(names.answer, { args: [{ value, by: 'bob' }] });
      return message ?? '';
    },
    status: (handle: WorkflowHandle) => handle.query<RunStatusReport>(names.status),
    async until(holds: () => Promise<boolean> | boolean): Promise<void> {
      const end = Date.now() + 60_000;
      while (!(await holds())) {
        if (Date.now() > end) throw new Error(`it did not happen: ${holds.toString()}`);
        await sleep(50);
      }
    },
    async stop(): Promise<void> {
      killWorkers();
      process.off('exit', killWorkers);
      await Promise.all([temporal.stop(), etcd.stop(), relay.stop()]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
