import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import type { LabConfig } from './files.ts';

const root = resolve(import.meta.dirname, '../..');

export interface SumacPlaces {
  /** Logs, state and the configuration itself go below. */
  dir: string;
  temporal: { address: string; task_queue: string; ui?: string };
  /** Address of the etcd for locks. */
  etcd: string;
  /** More directories with cookbooks. */
  cookbooks?: readonly string[];
}

/** Writes a Sumac configuration for a lab and returns its path. */
export function writeSumacConfig(lab: LabConfig, places: SumacPlaces): string {
  mkdirSync(places.dir, { recursive: true });
  const file = (name: string) => join(places.dir, name);
  const proofKey = join(lab.dir, 'proof_key');
  if (!existsSync(proofKey)) writeFileSync(proofKey, randomBytes(32).toString('hex'), { mode: 0o600 });
  writeFileSync(
    file('downtime'),
    `#!/bin/sh\nexec ${join(import.meta.dirname, 'downtime-hook.sh')} ${file('downtimes')} "$@"\n`,
  );
  chmodSync(file('downtime'), 0o755);
  const config = {
    cookbooks_base_dirs: [root, ...(places.cookbooks ?? [])],
    logs_base_dir: file('logs'),
    state_dir: file('state'),
    tcpircbot_host: lab.sal.host,
    tcpircbot_port: lab.sal.port,
    temporal: places.temporal,
    etcd: { hosts: [places.etcd] },
    ssh: { config_file: lab.ssh_config, known_hosts: [lab.known_hosts], agent: false, connect_timeout_seconds: 3 },
    installer_ssh: { identity_files: [lab.installer_key], known_hosts: [lab.installer_known_hosts] },
    management: {
      user: lab.ipmi.user,
      password_file: lab.ipmi.password_file,
      cipher_suite: lab.ipmi.cipher_suite,
      timeout_seconds: 5,
    },
    inventory: lab.inventory,
    dhcp: { servers: lab.install_server.name, proof_key_file: proofKey },
    hooks: { downtime: file('downtime') },
    ...(lab.etcd.members.length > 0 && {
      etcd_clusters: { tools: { members: lab.etcd.members.join(','), scheme: 'http' } },
    }),
  };
  const path = file('config.yaml');
  writeFileSync(path, stringify(config));
  return path;
}
