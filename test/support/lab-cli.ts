import type { WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { type TestCli, testCli } from './cookbook-cli.ts';
import { type SshLab, startSshLab } from './sshd.ts';
import { type TemporalServer, startTemporal } from './temporal.ts';

/** Hosts, a Temporal server, and the CLI with a configuration for both; cookbooks are below the hosts' directory. */
export interface LabCli {
  lab: SshLab;
  server: TemporalServer;
  cli: TestCli;
  stop: () => Promise<void>;
}

/**
 * @param sshd further lines of sshd_config
 * @param within a command that becomes each sshd
 * @param config what the configuration holds besides, its `ssh` section beside what reaches the hosts
 */
export async function startLabCli(
  names: readonly string[],
  {
    sshd = [],
    within = [],
    config,
  }: {
    sshd?: readonly string[];
    within?: readonly string[];
    config?: (lab: SshLab) => { ssh?: object; hooks?: object };
  } = {},
): Promise<LabCli> {
  const [lab, server] = await Promise.all([startSshLab(names, sshd, within), startTemporal()]);
  const { ssh, ...others } = config?.(lab) ?? {};
  const { sshConfig: config_file, key, knownHosts } = lab;
  const yaml = stringify({
    cookbooks_base_dirs: [lab.dir],
    logs_base_dir: 'DIRECTORY/logs',
    state_dir: 'DIRECTORY/state',
    temporal: { address: server.address },
    ssh: { config_file, identity_files: [key], known_hosts: [knownHosts], agent: false, ...ssh },
    ...others,
  });
  const cli = testCli(yaml);
  const stop = async () => {
    await cli.stop();
    await server.stop();
    await lab.close();
  };
  return { lab, server, cli, stop };
}

/** What the heartbeats of a run's activities say now. */
export async function beatsOf(handle: WorkflowHandle): Promise<{ done: number; failed: number; stopped?: boolean }[]> {
  const { raw } = await handle.describe();
  return (raw.pendingActivities ?? []).flatMap(({ heartbeatDetails }) => {
    const [payload] = heartbeatDetails?.payloads ?? [];
    return payload ? [defaultPayloadConverter.fromPayload<{ done: number; failed: number }>(payload)] : [];
  });
}

/** Waits until it holds, two minutes at most. */
export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 120_000; !(await what());) {
    assert.ok(Date.now() < end, 'did not come');
    await sleep(50);
  }
}
