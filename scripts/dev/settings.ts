import { resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');
/** Where the state, logs and pids of the environment are. */
export const devDir = resolve(process.env['SUMAC_DEV_DIR'] ?? `${root}/.dev`);

/** An environment variable that overrides a port, with its default. */
export interface Port {
  variable: string;
  number: number;
}

const port = (variable: string, standard: number): Port => {
  const text = process.env[variable] ?? '';
  const number = text === '' ? standard : Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 65535)
    throw new Error(`${variable}='${text}' is no port: give a number from 1 to 65535`);
  return { variable, number };
};

export const ports = {
  temporal: port('SUMAC_TEMPORAL_PORT', 7233),
  ui: port('SUMAC_UI_PORT', 8233),
  etcd: port('SUMAC_ETCD_PORT', 2379),
  etcdPeer: port('SUMAC_ETCD_PEER_PORT', Number(process.env['SUMAC_ETCD_PORT'] ?? 2379) + 1),
};

export const temporalAddress = `127.0.0.1:${ports.temporal.number}`;
export const uiAddress = `http://127.0.0.1:${ports.ui.number}`;
export const etcdAddress = `http://127.0.0.1:${ports.etcd.number}`;
export const taskQueue = 'sumac';
export const configFile = `${devDir}/config.yaml`;
