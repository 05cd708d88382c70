import { loadConfig } from '../config/load.ts';
import { Etcd } from '../locks/etcd.ts';
import { OpsError } from '../model/errors.ts';
import type { Globals } from './globals.ts';

/** The etcd that holds the locks, asked from this process. @throws CONFIG_*, LOCKS_OFF, ETCD_CONFIG_UNREADABLE */
export async function openEtcd({ configFile }: Globals): Promise<Etcd> {
  const { config } = await loadConfig(configFile);
  if (config.etcd) return new Etcd(config.etcd);
  throw new OpsError('usage', 'LOCKS_OFF', "there are no locks: the configuration has no 'etcd'");
}
