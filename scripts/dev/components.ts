import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import { isFree, listenerOf } from './port.ts';
import { ageMs, livingPid, startDetached, stop, waitUntil } from './process.ts';
import { configFile, devDir, etcdAddress, ports, root, temporalAddress, uiAddress, type Port } from './settings.ts';
import { isPolled, isServing, prepareNamespace } from './temporal.ts';

/** One process of the environment. */
export interface Component {
  name: string;
  address: string;
  command: readonly string[];
  ports: readonly Port[];
  /** How long it may take to end. */
  graceMs: number;
  /** Whether it does its work, by asking it. */
  isReady(pid: number): Promise<boolean>;
  /** What is set up once it is ready, whether or not it was before. */
  prepare?(): Promise<void>;
}

const tuned = ['history.transferProcessorMaxPollRPS=2000', 'history.timerProcessorMaxPollRPS=2000'];
const sqlite = ['journal_mode=wal', 'synchronous=2'];

export const temporal: Component = {
  name: 'temporal',
  address: temporalAddress,
  command: [
    ...['temporal', 'server', 'start-dev', '--ip', '127.0.0.1', '--log-level', 'warn'],
    ...['--port', String(ports.temporal.number), '--ui-port', String(ports.ui.number)],
    ...['--db-filename', `${devDir}/data/temporal.db`],
    ...sqlite.flatMap((pragma) => ['--sqlite-pragma', pragma]),
    ...tuned.flatMap((value) => ['--dynamic-config-value', value]),
  ],
  ports: [ports.temporal, ports.ui],
  graceMs: 15_000,
  isReady: async () => (await isServing()) && (await answers(uiAddress)),
  prepare: prepareNamespace,
};

export const etcd: Component = {
  name: 'etcd',
  address: etcdAddress,
  command: [
    ...['etcd', '--name', 'dev', '--data-dir', `${devDir}/data/etcd`],
    ...['--listen-client-urls', etcdAddress, '--advertise-client-urls', etcdAddress],
    ...['--listen-peer-urls', `http://127.0.0.1:${ports.etcdPeer.number}`],
    ...['--initial-advertise-peer-urls', `http://127.0.0.1:${ports.etcdPeer.number}`],
    ...['--initial-cluster', `dev=http://127.0.0.1:${ports.etcdPeer.number}`, '--log-level', 'warn'],
  ],
  ports: [ports.etcd, ports.etcdPeer],
  graceMs: 10_000,
  isReady: () => answers(`${etcdAddress}/health`),
};

export const worker: Component = {
  name: 'worker',
  address: `serves ${temporalAddress}`,
  command: [`${root}/bin/cookbook`, '-c', configFile, 'worker'],
  ports: [],
  graceMs: 30_000,
  isReady: (pid) => isPolled(Date.now() - ageMs(pid)),
};

/** In the order of their start. */
export const components = [temporal, etcd, worker];

export const pidFile = ({ name }: Component) => `${devDir}/run/${name}.json`;
export const logFile = ({ name }: Component) => `${devDir}/log/${name}.log`;
export const pidOf = (component: Component) => livingPid(pidFile(component));

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

/** Starts the component unless it runs, and waits until it does its work. */
export async function start(component: Component): Promise<void> {
  let pid = pidOf(component);
  if (pid === undefined) {
    for (const port of component.ports) await assertFree(component, port);
    pid = startDetached(component.command, pidFile(component), logFile(component));
  }
  const started = pid;
  const ended = () => pidOf(component) === undefined;
  const ready = await waitUntil(async () => ended() || (await component.isReady(started)), 60_000);
  if (ready && !ended()) return component.prepare?.();
  const why = ended() ? 'ended at once' : 'is not ready after 60 s';
  if (ended()) await sleep(50);
  else await stop(pidFile(component), component.graceMs);
  throw new Error(`${component.name} ${why}; the end of ${logFile(component)}:\n${lastLines(logFile(component), 8)}`);
}

async function assertFree({ name }: Component, { variable, number }: Port): Promise<void> {
  if (await isFree(number)) return;
  const holder = listenerOf(number) ?? 'another process';
  throw new Error(`port ${number} for ${name} is taken by ${holder}: end it, or choose another with ${variable}`);
}

/** The last lines that say something: without the inner parts of stack traces. */
function lastLines(file: string, count: number): string {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines
    .filter((line) => !/^\s+at /.test(line))
    .slice(-count)
    .join('\n');
}
