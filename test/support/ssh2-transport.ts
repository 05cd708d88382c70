import { join } from 'node:path';
import type { Config } from '../../src/config/schema.ts';
import { HostKeys } from '../../src/remote/host-keys.ts';
import { Pool } from '../../src/remote/pool.ts';
import { Targets } from '../../src/remote/target.ts';
import type { Transport } from './transport-contract.ts';

/** The transport by `ssh2`, as a worker has it. */
export function transport(config: Config): Transport {
  const targets = new Targets(config);
  const hostKeys = new HostKeys(join(config.state_dir, 'known_hosts.d'));
  const pool = new Pool({
    hostKeys,
    warn: () => undefined,
    maxHandshakes: config.ssh.max_handshakes,
    maxChannels: config.ssh.max_channels,
    maxConnections: config.ssh.max_connections,
    idleMs: 60_000,
  });
  return {
    exec: async (host, job) => pool.exec(await targets.of(host), job),
    close: () => pool.close(),
  };
}
