import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { peer, peerEnv } from '../venv.ts';
import type { Program } from '../table.ts';
import type { FleetLab } from './lab.ts';

/** A program, and what tidies up after it. */
export interface Case extends Program {
  after?: () => Promise<unknown>;
}

const call = promisify(execFile);
const curve25519 = '-o KexAlgorithms=curve25519-sha256';

/** Sumac's transport in a process of its own, compiled as the `cookbook` program is. */
export const ours = (lab: FleetLab, hosts: number, times: number, command = 'true', ...more: string[]): Program => ({
  file: process.execPath,
  args: [
    '--min-semi-space-size=32',
    '--max-semi-space-size=32',
    join(import.meta.dirname, 'ours.ts'),
    lab.dir,
    String(hosts),
    String(times),
    command,
    ...more,
  ],
  env: { ...process.env, NODE_COMPILE_CACHE: join(lab.dir, 'code') },
});

/** A peer's library in a process of its own. */
export async function library(
  name: 'asyncssh' | 'pssh' | 'cumin',
  lab: FleetLab,
  hosts: number,
  times: number,
  ...more: string[]
): Promise<Program> {
  const script = join(import.meta.dirname, 'peers.py');
  const args = [script, name, lab.dir, String(hosts), String(times), 'true', ...more];
  return { file: await peer('python'), args, env: peerEnv };
}

/** A command once on so many hosts, in a new process, by each tool. */
export async function coldCases(lab: FleetLab, hosts: number): Promise<Record<string, Case>> {
  const { dir } = lab;
  const query = lab.query(hosts);
  const cumin = async (name: string, ...options: string[]): Promise<Program> => {
    const config = join(dir, `${name}.yaml`);
    const all = JSON.stringify([`-F ${dir}/ssh_config`, ...options]);
    writeFileSync(
      config,
      `{ transport: clustershell, log_file: ${dir}/cumin.log, default_backend: direct, clustershell: { ssh_options: ${all}, fanout: 256 } }\n`,
    );
    return {
      file: await peer('cumin'),
      args: ['-c', config, '--force', '--no-progress', query, 'true'],
      env: peerEnv,
    };
  };
  const inventory = join(dir, 'inventory');
  writeFileSync(inventory, `${lab.names.slice(0, hosts).join('\n')}\n`);
  return {
    cumin: await cumin('cumin'),
    'cumin with curve25519': await cumin('cumin-curve25519', curve25519),
    clush: {
      file: await peer('clush'),
      args: ['-S', '-f', '256', '-o', `-F ${dir}/ssh_config`, '-w', query, '-b', 'true'],
      env: peerEnv,
    },
    'ansible raw': {
      file: await peer('ansible'),
      args: ['all', '-i', inventory, '-f', '50', '-m', 'raw', '-a', 'true'],
      env: { ...peerEnv, ANSIBLE_SSH_ARGS: `-F ${dir}/ssh_config -o ControlMaster=no`, ANSIBLE_NOCOLOR: '1' },
    },
    'parallel-ssh': await library('pssh', lab, hosts, 1),
    asyncssh: await library('asyncssh', lab, hosts, 1),
    sumac: ours(lab, hosts, 1),
    'sumac with nistp256': ours(nistp256(lab), hosts, 1),
  };
}

/** The lab as reached by the key exchange that costs a host least. */
function nistp256(lab: FleetLab): FleetLab {
  const dir = join(lab.dir, 'nistp256');
  mkdirSync(dir, { recursive: true });
  const file = (name: string) => join(lab.dir, name);
  const sshConfig = join(dir, 'ssh_config');
  writeFileSync(sshConfig, `KexAlgorithms ecdh-sha2-nistp256\n${readFileSync(file('ssh_config'), 'utf8')}`);
  const config = readFileSync(file('config.json'), 'utf8').replaceAll(file('ssh_config'), sshConfig);
  writeFileSync(join(dir, 'config.json'), config);
  copyFileSync(file('hosts.json'), join(dir, 'hosts.json'));
  return { ...lab, dir };
}

/** Twenty commands, one after the other on all hosts, in one process, by each tool. */
export async function warmCases(lab: FleetLab, hosts: number, times: number): Promise<Record<string, Case>> {
  const control = `-o ControlMaster=auto -o ControlPersist=60 -o ControlPath=${lab.dir}/%C`;
  return {
    cumin: await library('cumin', lab, hosts, times),
    'cumin with ControlMaster': {
      ...(await library('cumin', lab, hosts, times, control)),
      after: () =>
        Promise.all(
          lab.names
            .slice(0, hosts)
            .map((name) => call('ssh', ['-F', `${lab.dir}/ssh_config`, ...control.split(' '), '-O', 'exit', name])),
        ),
    },
    'parallel-ssh': await library('pssh', lab, hosts, times),
    asyncssh: await library('asyncssh', lab, hosts, times),
    sumac: ours(lab, hosts, times),
  };
}
