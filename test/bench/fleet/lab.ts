import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { configSchema } from '../../../src/config/schema.ts';
import { freePort } from '../../support/etcd.ts';
import { fold } from '../../../src/model/host-set.ts';

const call = promisify(execFile);

/** Hosts behind real sshd of this machine: one address, host key and home directory each, one port for all. */
export interface FleetLab {
  dir: string;
  names: string[];
  /** The first so many as an expression of all tools. */
  query(hosts: number): string;
  /** Lines of Sumac's configuration. */
  config: string;
  /** Milliseconds of CPU that the servers and what they started have used; waits until nobody is logged in. */
  cpuMs(): Promise<number>;
  close(): Promise<void>;
}

/** Starts so many sshd. Files in its directory: `ssh_config`, `known_hosts`, `client`, `hosts.json`, `config.json`. */
export async function startFleet(size: number): Promise<FleetLab> {
  const dir = mkdtempSync(join(tmpdir(), 'sumac-fleet-'));
  mkdirSync('/run/sshd', { recursive: true });
  const port = await freePort();
  const [client, knownHosts, sshConfig] = ['client', 'known_hosts', 'ssh_config'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  const key = (file: string) => call('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file]);
  const hosts = Array.from({ length: size }, (_, i) => ({
    name: `bench${String(i + 1).padStart(3, '0')}.lab`,
    address: `127.77.${Math.floor(i / 250)}.${(i % 250) + 1}`,
    port,
  }));
  for (const { name } of hosts) mkdirSync(join(dir, name));
  await Promise.all([key(client), ...hosts.map(({ name }) => key(join(dir, name, 'host_key')))]);
  const hostKey = (name: string) => readFileSync(join(dir, name, 'host_key.pub'), 'utf8').trim();
  const settings = { config_file: sshConfig, identity_files: [client], known_hosts: [knownHosts], agent: false };
  const files = {
    sshd_config: `AuthorizedKeysFile ${client}.pub\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no
StrictModes no\nUseDNS no\nPrintMotd no\nPrintLastLog no\nMaxStartups 10000\nMaxSessions 100\nLogLevel ERROR\n`,
    known_hosts: hosts.map(({ name, address }) => `[${address}]:${port} ${hostKey(name)}\n`).join(''),
    // As all tools but Sumac need it: they know no other way to be told.
    ssh_config: `${hosts.map(({ name, address }) => `Host ${name}\n  HostName ${address}\n  Port ${port}\n`).join('')}
Host *\n  User root\n  IdentityFile ${client}\n  IdentitiesOnly yes\n  UserKnownHostsFile ${knownHosts}
  GlobalKnownHostsFile none\n  StrictHostKeyChecking yes\n  BatchMode yes\n  GSSAPIAuthentication no\n  LogLevel ERROR\n`,
    'hosts.json': JSON.stringify(hosts),
    'config.json': JSON.stringify(
      configSchema((path) => path).parse({
        cookbooks_base_dirs: [dir],
        logs_base_dir: join(dir, 'logs'),
        state_dir: join(dir, 'state'),
        ssh: settings,
      }),
    ),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  const servers = hosts.map(({ name, address }) => start(dir, name, address, port));
  const guard = () => servers.forEach((server) => server.kill('SIGKILL'));
  process.once('exit', guard);
  const close = async () => {
    const running = servers.filter((server) => server.exitCode === null && server.signalCode === null);
    const gone = running.map((server) => once(server, 'exit'));
    guard();
    await Promise.all(gone);
    process.off('exit', guard);
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    for (const { address } of hosts) await listening(address, port);
  } catch (error) {
    await close();
    throw error;
  }
  const pids = servers.map(({ pid = 0 }) => pid);
  const names = hosts.map(({ name }) => name);
  return {
    dir,
    names,
    query: (count) => fold(names.slice(0, count)),
    config: `ssh: ${JSON.stringify(settings)}`,
    cpuMs: async () => {
      while (pids.some((pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8') !== '')) await sleep(50);
      return pids.reduce((sum, pid) => sum + cpuMsOf(readFileSync(`/proc/${pid}/stat`, 'utf8'), true), 0);
    },
    close,
  };
}

function start(dir: string, name: string, address: string, port: number): ChildProcess {
  const home = join(dir, name);
  const options = [
    `ListenAddress=${address}:${port}`,
    `HostKey=${join(home, 'host_key')}`,
    'PidFile=none',
    `SetEnv=HOME=${home} SUMAC_JOURNAL=${join(home, 'journal')}`,
  ].flatMap((option) => ['-o', option]);
  return spawn('/usr/sbin/sshd', ['-D', '-f', join(dir, 'sshd_config'), '-E', join(home, 'log'), ...options], {
    stdio: 'ignore',
  });
}

async function listening(address: string, port: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const socket = connect(port, address);
    try {
      await once(socket, 'connect');
      return;
    } catch (error) {
      if (attempt === 200) throw error;
      await sleep(50);
    } finally {
      socket.destroy();
    }
  }
}

/** @param own its own use too, besides that of what it started and waited for */
export function cpuMsOf(stat: string, own: boolean): number {
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user = 0, system = 0, users = 0, systems = 0] = fields.slice(11, 15);
  // Linux counts in hundredths of a second.
  return 10 * (users + systems + (own ? user + system : 0));
}
