import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { configSchema, type Config } from '../../src/config/schema.ts';
import { Remote, type RemoteSettings } from '../../src/remote/remote.ts';
import { freePort } from './etcd.ts';

/** A real sshd that plays one host: own port, host key, journal and boot id. */
export interface TestHost {
  name: string;
  port: number;
  /** `TYPE BASE64` of its host key. */
  hostKey(): string;
  journal: string;
  start(): Promise<void>;
  /** Ends sshd and every connection at once. */
  kill(): Promise<void>;
  /** Ends every connection at once; sshd goes on. */
  cut(): void;
  /** Connections stay open and nothing answers, or goes on. */
  freeze(frozen: boolean): void;
  /** As a re-installation would: another host key from the next start on. */
  newHostKey(): void;
  /** As a reboot would: from now on its boot id is another one. */
  newBootId(): void;
  log(): string;
}

export interface SshLab {
  dir: string;
  hosts: TestHost[];
  config: Config;
  /** A configuration that differs in its `ssh` section and others. */
  configWith(ssh: object, rest?: object): Config;
  /** The hosts as a worker of such a configuration reaches them, until they are closed. */
  remote(ssh?: object, rest?: object, settings?: RemoteSettings): Remote;
  /** Private key that the hosts accept. */
  key: string;
  knownHosts: string;
  sshConfig: string;
  host(name: string): TestHost;
  close(): Promise<void>;
}

/**
 * Starts one sshd per name; they share this machine's file system, and are told apart by their ports.
 * @param sshdLines further lines of sshd_config
 * @param within a command that becomes the one that follows it
 */
export async function startSshLab(
  names: readonly string[],
  sshdLines: readonly string[] = [],
  within: readonly string[] = [],
): Promise<SshLab> {
  const dir = mkdtempSync(join(tmpdir(), 'sumac-sshd-'));
  mkdirSync('/run/sshd', { recursive: true });
  const key = join(dir, 'client');
  makeKey(key);
  const [knownHosts, sshConfig] = [join(dir, 'known_hosts'), join(dir, 'ssh_config')];
  writeFileSync(sshConfig, '');
  writeFileSync(knownHosts, '');
  const hosts = await Promise.all(names.map((name) => makeHost(dir, name, sshdLines, within)));
  for (const host of hosts) {
    appendFileSync(sshConfig, `Host ${host.name}\n  HostName 127.0.0.1\n  Port ${host.port}\n`);
    appendFileSync(knownHosts, `[127.0.0.1]:${host.port} ${host.hostKey()}\n`);
  }
  const guard = () => {
    for (const host of hosts) void host.kill();
  };
  process.once('exit', guard);
  await Promise.all(hosts.map((host) => host.start()));
  const configWith = (ssh: object, rest: object = {}) =>
    configSchema((path) => path).parse({
      cookbooks_base_dirs: [dir],
      logs_base_dir: join(dir, 'logs'),
      state_dir: join(dir, 'state'),
      ssh: { config_file: sshConfig, identity_files: [key], known_hosts: [knownHosts], agent: false, ...ssh },
      ...rest,
    });
  const remotes: Remote[] = [];
  return {
    dir,
    hosts,
    config: configWith({}),
    configWith,
    remote: (ssh = {}, rest = {}, settings = {}) => {
      const remote = new Remote(configWith(ssh, rest), settings);
      remotes.push(remote);
      return remote;
    },
    key,
    knownHosts,
    sshConfig,
    host: (name) => hosts.find((host) => host.name === name) ?? fail(`no host ${name}`),
    close: async () => {
      await Promise.all(remotes.map((remote) => remote.close()));
      await Promise.all(hosts.map((host) => host.kill()));
      process.off('exit', guard);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const fail = (message: string): never => {
  throw new Error(message);
};

export const makeKey = (file: string, passphrase = '') => {
  rmSync(file, { force: true });
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', 'test', '-f', file], { stdio: 'ignore' });
};

async function makeHost(
  lab: string,
  name: string,
  sshdLines: readonly string[],
  within: readonly string[],
): Promise<TestHost> {
  const dir = join(lab, name);
  const journal = join(dir, 'journal');
  mkdirSync(dir);
  const port = await freePort();
  const [hostKeyFile, bootId, config, logFile] = ['host_key', 'boot_id', 'sshd_config', 'log'].map((file) =>
    join(dir, file),
  ) as [string, string, string, string];
  makeKey(hostKeyFile);
  writeFileSync(bootId, readFileSync('/proc/sys/kernel/random/boot_id'));
  const lines = [
    ...sshdLines,
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${hostKeyFile}`,
    `PidFile ${join(dir, 'pid')}`,
    `AuthorizedKeysFile ${join(lab, 'client.pub')}`,
    `SetEnv HOME=${dir} SUMAC_JOURNAL=${journal} SUMAC_BOOT_ID=${bootId}`,
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'UsePAM no',
    'StrictModes no',
    'UseDNS no',
    'LogLevel VERBOSE',
    'MaxStartups 1000',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  let child: ChildProcess | undefined;
  const signal = (name: NodeJS.Signals, from = 0) => {
    for (const pid of child?.pid === undefined ? [] : daemons(child.pid).slice(from))
      try {
        process.kill(pid, name);
      } catch {
        // It ended by itself.
      }
  };
  return {
    name,
    port,
    journal,
    hostKey: () => readFileSync(`${hostKeyFile}.pub`, 'utf8').split(' ').slice(0, 2).join(' '),
    start: async () => {
      const [program, ...words] = [...within, '/usr/sbin/sshd', '-D', '-f', config, '-E', logFile];
      child = spawn(program, words, { stdio: 'ignore' });
      child.once('exit', () => (child = undefined));
      for (let i = 0; i < 200; i++) {
        if (await listens(port)) return;
        await sleep(20);
      }
      throw new Error(`sshd of ${name} does not listen: ${readFileSync(logFile, 'utf8')}`);
    },
    kill: async () => {
      if (!child) return;
      const gone = once(child, 'exit');
      signal('SIGKILL');
      await gone;
    },
    cut: () => signal('SIGKILL', 1),
    freeze: (frozen) => signal(frozen ? 'SIGSTOP' : 'SIGCONT'),
    newHostKey: () => makeKey(hostKeyFile),
    newBootId: () => writeFileSync(bootId, `${crypto.randomUUID()}\n`),
    log: () => readFileSync(logFile, 'utf8'),
  };
}

/** An sshd and those that serve its connections, not their commands. */
function daemons(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  return [pid, ...children.filter((child) => read(`/proc/${child}/comm`).startsWith('sshd')).flatMap(daemons)];
}

/** Nothing for a process that is gone. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
