import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { OpsError } from '../model/errors.ts';
import type { KeyOwner } from './host-keys.ts';
import type { Identities } from './identities.ts';
import { siteOf } from './sites.ts';
import type { Algorithms } from './ssh-algorithms.ts';
import { home } from './ssh-config-file.ts';
import { SshConfig } from './ssh-config.ts';
import type { HostOptions } from './ssh-options.ts';

/** As whom a host is reached: as always, or in the installer's system while it is re-imaged. */
export type Access = 'normal' | 'installer';

/** How one host is reached. */
export interface Target extends Identities {
  host: string;
  /** Address, or name to be looked up. */
  address: string;
  port: number;
  owner: KeyOwner;
  /** The host to go through. */
  jump: Target | undefined;
  /** Told by the configuration or the inventory, so that no look-up is needed to know the host. */
  known: boolean;
  connectTimeoutMs: number;
  /** A connection is asked for a sign of life after this, and given up after {@link keepaliveCount} without any. */
  keepaliveMs: number;
  keepaliveCount: number;
  algorithms: Algorithms;
  /** Version of IP; either when it is absent. */
  family: 4 | 6 | undefined;
  /** Address of this machine from which it is reached. */
  bindAddress: string | undefined;
}

/** Works out how hosts are reached, from the OpenSSH configuration, Sumac's own and the inventory, in this order. */
export class Targets {
  readonly #config: Config;
  readonly #openSsh: SshConfig;

  constructor(config: Config) {
    this.#config = config;
    this.#openSsh = new SshConfig(config.ssh.config_file);
  }

  /** @throws INSTALLER_SSH_NOT_CONFIGURED, SSH_CONFIG_INVALID, JUMP_HOST_INVALID, INVENTORY_UNREADABLE */
  of(host: string, access: Access = 'normal'): Promise<Target> {
    return this.#resolve(host, access, []);
  }

  async #resolve(host: string, access: Access, above: readonly string[], jumps?: string): Promise<Target> {
    const { ssh } = this.#config;
    const site = this.#site(host);
    const said = await this.#openSsh.of(host, site?.user ?? ssh.user);
    const inventory = said.hostName === undefined ? await this.#address(host) : undefined;
    const port = said.port ?? 22;
    const via = jumps ?? said.proxyJump ?? site?.jump_host ?? ssh.jump_host ?? 'none';
    const address = said.hostName ?? inventory ?? host;
    const jump = via === 'none' || via === '' ? undefined : await this.#jump(host, via, above);
    if (!jump && said.family !== undefined && ![0, said.family].includes(isIP(address)))
      throw new OpsError(
        'usage',
        'SSH_CONFIG_INVALID',
        `AddressFamily inet${said.family === 6 ? '6' : ''} (for host ${host}): its address ${address} is another one`,
      );
    return {
      host,
      address,
      port,
      known: said.hostName !== undefined || inventory !== undefined,
      jump,
      connectTimeoutMs: said.connectTimeoutMs ?? ssh.connect_timeout_seconds * 1000,
      keepaliveMs: said.keepaliveMs ?? ssh.keepalive_seconds * 1000,
      keepaliveCount: said.keepaliveCount ?? 3,
      algorithms: said.algorithms ?? {},
      family: said.family,
      bindAddress: said.bindAddress,
      ...(access === 'installer' ? this.#installer(host, port) : this.#normal(host, port, said)),
    };
  }

  #normal(host: string, port: number, said: HostOptions): Identities & { owner: KeyOwner } {
    const { ssh } = this.#config;
    const site = this.#site(host);
    const own = site?.identity_files ?? ssh.identity_files;
    const asks = ssh.agent && said.identityAgent !== 'none';
    return {
      user: said.user,
      identityFiles: said.identityFiles || own.length > 0 ? [...(said.identityFiles ?? []), ...own] : usual(),
      identitiesOnly: said.identitiesOnly ?? false,
      agent: asks ? (said.identityAgent ?? (process.env.SSH_AUTH_SOCK || undefined)) : undefined,
      certificateFiles: said.certificateFiles ?? [],
      owner: {
        host,
        port,
        keyName: said.hostName ?? host,
        alias: said.hostKeyAlias,
        knownHosts: this.#knownHosts(said),
        revoked: said.revokedHostKeys,
        strict: said.strict ?? site?.strict_host_key_checking ?? 'yes',
        proven: true,
      },
    };
  }

  // OpenSSH's own files count where nobody names others.
  #knownHosts({ userKnownHosts, globalKnownHosts }: HostOptions): string[] {
    const { known_hosts: own } = this.#config.ssh;
    const usual = (dir: string, name: string) => (own.length > 0 ? [] : [join(dir, name), join(dir, `${name}2`)]);
    return [
      ...(userKnownHosts ?? usual(join(home, '.ssh'), 'known_hosts')),
      ...(globalKnownHosts ?? usual('/etc/ssh', 'ssh_known_hosts')),
      ...own,
    ];
  }

  #installer(host: string, port: number): Identities & { owner: KeyOwner } {
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
      identitiesOnly: true,
      agent: undefined,
      certificateFiles: [],
      owner: {
        host,
        port,
        keyName: host,
        alias: undefined,
        knownHosts: installer.known_hosts,
        revoked: undefined,
        strict: 'yes',
        proven: false,
      },
    };
  }

  // `a,b`: through a to b, through b to the host.
  async #jump(host: string, via: string, above: readonly string[]): Promise<Target | undefined> {
    const hops = via.split(',');
    const [, user, bracketed, plain, port] =
      /^(?:ssh:\/\/)?(?:([^@]+)@)?(?:\[([^\]]+)\]|([^@:[\]]+))(?::(\d+))?$/.exec(hops.at(-1)?.trim() ?? '') ?? [];
    const name = bracketed ?? plain;
    if (name === undefined)
      throw new OpsError('usage', 'JUMP_HOST_INVALID', `jump host '${via}' of ${host} is not [user@]host[:port]`);
    // A pattern that names a jump host for every host names it for itself too.
    if (name === host || above.includes(name)) return undefined;
    const before = hops.length > 1 ? hops.slice(0, -1).join(',') : undefined;
    const target = await this.#resolve(name, 'normal', [...above, host], before);
    const at = port === undefined ? target.port : Number(port);
    return { ...target, user: user ?? target.user, port: at, owner: { ...target.owner, port: at } };
  }

  #site(host: string) {
    const { sites } = this.#config;
    const site = siteOf(sites, host);
    return site === undefined ? undefined : sites[site];
  }

  // What reads inventories takes longer to load than all else here.
  async #address(host: string): Promise<string | undefined> {
    const { inventory } = this.#config;
    if (inventory === undefined) return undefined;
    const { inventoryHost } = await import('../config/inventory.ts');
    try {
      return inventoryHost(inventory, host).address;
    } catch (error) {
      if (error instanceof OpsError && error.code === 'HOST_UNKNOWN') return undefined;
      throw error;
    }
  }
}

/** The identities that ssh(1) tries when none is configured. */
const usual = (): string[] =>
  ['id_rsa', 'id_ecdsa', 'id_ed25519'].map((name) => join(home, '.ssh', name)).filter((file) => existsSync(file));
