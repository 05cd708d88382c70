import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { inventoryHost } from '../config/inventory.ts';
import type { Config } from '../config/schema.ts';
import { OpsError } from '../model/errors.ts';
import type { KeyOwner } from './host-keys.ts';
import { type HostOptions, SshConfigFile } from './ssh-config.ts';

/** As whom a host is reached: as always, or in the installer's system while it is re-imaged. */
export type Access = 'normal' | 'installer';

/** How one host is reached. */
export interface Target {
  host: string;
  /** Address, or name to be looked up. */
  address: string;
  port: number;
  user: string;
  identityFiles: string[];
  /** Socket of the agent whose keys are offered after the files. */
  agent: string | undefined;
  owner: KeyOwner;
  /** The host to go through. */
  jump: Target | undefined;
  /** Told by the configuration or the inventory, so that no look-up is needed to know the host. */
  known: boolean;
}

/** Works out how hosts are reached, from the configuration, its OpenSSH file and the inventory. */
export class Targets {
  readonly #config: Config;
  readonly #file: SshConfigFile | undefined;

  constructor(config: Config) {
    this.#config = config;
    this.#file = config.ssh.config_file === undefined ? undefined : new SshConfigFile(config.ssh.config_file);
  }

  /** @throws INSTALLER_SSH_NOT_CONFIGURED, SSH_CONFIG_INVALID, JUMP_HOST_INVALID, INVENTORY_UNREADABLE */
  of(host: string, access: Access = 'normal'): Target {
    return this.#resolve(host, access, []);
  }

  #resolve(host: string, access: Access, above: readonly string[], jumps?: string): Target {
    const { ssh } = this.#config;
    const said: HostOptions = this.#file?.of(host) ?? { identityFiles: [], identitiesOnly: false, knownHosts: [] };
    const inventory = said.hostName === undefined ? this.#address(host) : undefined;
    const port = said.port ?? 22;
    const identityFiles = [...said.identityFiles, ...ssh.identity_files];
    const via = jumps ?? said.proxyJump ?? ssh.jump_host ?? 'none';
    return {
      host,
      address: said.hostName ?? inventory ?? host,
      port,
      known: said.hostName !== undefined || inventory !== undefined,
      jump: via === 'none' || via === '' ? undefined : this.#jump(host, via, above),
      ...(access === 'installer'
        ? this.#installer(host, port)
        : {
            user: said.user ?? ssh.user,
            identityFiles: identityFiles.length > 0 ? identityFiles : usual(),
            agent: ssh.agent && !said.identitiesOnly ? process.env.SSH_AUTH_SOCK : undefined,
            owner: {
              host,
              port,
              keyNames: said.hostKeyAlias === undefined ? names(said.hostName, host) : [said.hostKeyAlias],
              knownHosts: [...said.knownHosts, ...ssh.known_hosts],
              proven: true,
            },
          }),
    };
  }

  #installer(host: string, port: number): Pick<Target, 'user' | 'identityFiles' | 'agent' | 'owner'> {
    const { installer_ssh: installer } = this.#config;
    if (!installer)
      throw new OpsError(
        'usage',
        'INSTALLER_SSH_NOT_CONFIGURED',
        `no 'installer_ssh' in the configuration, needed to reach the installer on ${host}`,
      );
    return {
      user: installer.user,
      identityFiles: installer.identity_files,
      agent: undefined,
      owner: { host, port, keyNames: [host], knownHosts: installer.known_hosts, proven: false },
    };
  }

  // `a,b`: through a to b, through b to the host.
  #jump(host: string, via: string, above: readonly string[]): Target | undefined {
    const hops = via.split(',');
    const [, user, name, port] =
      /^(?:ssh:\/\/)?(?:([^@]+)@)?([^@:]+)(?::(\d+))?$/.exec(hops.at(-1)?.trim() ?? '') ?? [];
    if (name === undefined)
      throw new OpsError('usage', 'JUMP_HOST_INVALID', `jump host '${via}' of ${host} is not [user@]host[:port]`);
    // A pattern that names a jump host for every host names it for itself too.
    if (name === host || above.includes(name)) return undefined;
    const before = hops.length > 1 ? hops.slice(0, -1).join(',') : undefined;
    const target = this.#resolve(name, 'normal', [...above, host], before);
    const at = port === undefined ? target.port : Number(port);
    return { ...target, user: user ?? target.user, port: at, owner: { ...target.owner, port: at } };
  }

  #address(host: string): string | undefined {
    const { inventory } = this.#config;
    if (inventory === undefined) return undefined;
    try {
      return inventoryHost(inventory, host).address;
    } catch (error) {
      if (error instanceof OpsError && error.code === 'HOST_UNKNOWN') return undefined;
      throw error;
    }
  }
}

const names = (hostName: string | undefined, host: string): string[] =>
  hostName === undefined || hostName === host ? [host] : [hostName, host];

/** The identities that ssh(1) tries when none is configured. */
const usual = (): string[] =>
  ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((name) => join(homedir(), '.ssh', name)).filter((file) => existsSync(file));
