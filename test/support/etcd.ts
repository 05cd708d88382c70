import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A real etcd of one member in a directory of its own. */
export interface TestEtcd {
  /** Address of its clients, `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly pid: number;
  /** Kills it as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again on its data, after {@link kill}. */
  start(): Promise<void>;
  /** Freezes or thaws the process: connections stay open and nothing answers. */
  freeze(frozen: boolean): void;
  /** Runs `etcdctl` against it and returns what it printed. */
  ctl(...args: string[]): Promise<string>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** A TCP port nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * Starts etcd on free ports and waits until it serves.
 * @param extraArgs further arguments, for example for TLS
 * @param scheme how its clients reach it
 */
export async function startEtcd(
  extraArgs: readonly string[] = [],
  scheme: 'http' | 'https' = 'http',
): Promise<TestEtcd> {
  const dir = await mkdtemp(join(tmpdir(), 'sumac-etcd-'));
  const url = `${scheme}://127.0.0.1:${await freePort()}`;
  const peer = `http://127.0.0.1:${await freePort()}`;
  const args = [
    ...['--name', 'test', '--data-dir', join(dir, 'data'), '--logger', 'zap', '--log-level', 'error'],
    ...['--listen-client-urls', url, '--advertise-client-urls', url],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `test=${peer}`],
    ...extraArgs,
  ];
  let child: ChildProcess | undefined;
  let output = '';

  const start = async () => {
    // Dies with this process, whatever ends it.
    const started = spawn('setpriv', ['--pdeathsig', 'KILL', 'etcd', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    for (const stream of [started.stdout, started.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const port = Number(new URL(url).port);
    for (let tries = 0; tries < 200; tries++) {
      if (started.exitCode !== null) throw new Error(`etcd ended with ${started.exitCode}: ${output}`);
      if (await serves(scheme, port)) return;
      await sleep(25);
    }
    throw new Error(`etcd does not serve ${url}: ${output}`);
  };
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };

  await start();
  return {
    url,
    get pid() {
      return child?.pid ?? 0;
    },
    start,
    kill,
    freeze: (frozen) => void child?.kill(frozen ? 'SIGSTOP' : 'SIGCONT'),
    ctl: (...args) => etcdctl(url, args),
    async stop() {
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function serves(scheme: string, port: number): Promise<boolean> {
  if (scheme === 'https') return listens(port);
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(500) });
    return answer.ok;
  } catch {
    return false;
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

async function etcdctl(url: string, args: readonly string[]): Promise<string> {
  const child = spawn('etcdctl', ['--endpoints', url, ...args], {
    env: { ...process.env, ETCDCTL_API: '3' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`etcdctl ${args.join(' ')}: ${output}`);
  return output;
}
