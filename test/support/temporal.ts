import { Client, Connection } from '@temporalio/client';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './etcd.ts';
import { searchAttributes } from '../../src/model/search-attributes.ts';

const venv = join(import.meta.dirname, '../../.dev/venv/bin/temporal');
const types: Record<string, string> = { KEYWORD: 'Keyword', KEYWORD_LIST: 'KeywordList', BOOL: 'Bool', INT: 'Int' };

export interface TemporalServer {
  address: string;
  /** The web UI; empty when it was not asked for. */
  uiAddress: string;
  pid: number;
  client: Client;
  /** kill -9, and nothing else. */
  kill(): Promise<void>;
  /** Starts it again on the same port and database. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A Temporal development server of a test's own.
 * @param database SQLite file; in memory without it
 * @param ui serve the web UI too
 */
export async function startTemporal(
  options: { database?: string; dynamicConfig?: string[]; ui?: boolean } = {},
): Promise<TemporalServer> {
  const [port, http, metrics, ui] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const address = `127.0.0.1:${port}`;
  const args = [
    'server',
    'start-dev',
    ...(options.ui ? ['--ui-port', String(ui), '--ui-disable-news-fetch'] : ['--headless']),
    '--ip',
    '127.0.0.1',
    '--log-level',
    'error',
    '--port',
    String(port),
    '--http-port',
    String(http),
    '--metrics-port',
    String(metrics),
  ];
  for (const { name, type } of Object.values(searchAttributes))
    args.push('--search-attribute', `${name}=${types[type] ?? type}`);
  for (const value of [
    'history.transferProcessorMaxPollRPS=2000',
    'history.timerProcessorMaxPollRPS=2000',
    ...(options.dynamicConfig ?? []),
  ])
    args.push('--dynamic-config-value', value);
  if (options.database !== undefined)
    args.push(
      '--db-filename',
      options.database,
      '--sqlite-pragma',
      'journal_mode=wal',
      '--sqlite-pragma',
      'synchronous=2',
    );
  const start = () => spawn(existsSync(venv) ? venv : 'temporal', args, { stdio: 'ignore' });
  let child = start();
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  };
  const guard = () => child.kill('SIGKILL');
  process.once('exit', guard);
  const connection = await connect(address);
  return {
    address,
    uiAddress: options.ui ? `http://127.0.0.1:${ui}` : '',
    get pid() {
      return child.pid ?? 0;
    },
    client: new Client({ connection }),
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGKILL');
      child = start();
      await (await connect(address)).close();
    },
    stop: async () => {
      await connection.close();
      await end('SIGKILL');
      process.off('exit', guard);
    },
  };
}

async function connect(address: string): Promise<Connection> {
  for (let attempt = 1; ; attempt++) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: 1000 });
      await connection.workflowService.describeNamespace({ namespace: 'default' });
      return connection;
    } catch (error) {
      if (attempt === 100) throw error;
      await sleep(100);
    }
  }
}
