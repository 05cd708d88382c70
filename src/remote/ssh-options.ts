import { hostname, userInfo } from 'node:os';
import { type Algorithms, algorithmsOf } from './ssh-algorithms.ts';
import { type Said, home, untilde } from './ssh-config-file.ts';

/** What is done about a host key that no known_hosts file lists. */
export type StrictHostKeyChecking = 'yes' | 'accept-new' | 'no';

/** What an OpenSSH client configuration says about one host; absent what it is silent about. */
export interface HostOptions {
  hostName?: string;
  port?: number;
  user: string;
  identityFiles?: string[];
  identitiesOnly?: boolean;
  /** Socket of the agent, or `none`. */
  identityAgent?: string;
  certificateFiles?: string[];
  /** Comma list of `[user@]host[:port]`, or `none`. */
  proxyJump?: string;
  userKnownHosts?: string[];
  globalKnownHosts?: string[];
  /** File of keys that are never accepted. */
  revokedHostKeys?: string;
  hostKeyAlias?: string;
  strict?: StrictHostKeyChecking;
  connectTimeoutMs?: number;
  keepaliveMs?: number;
  keepaliveCount?: number;
  algorithms?: Algorithms;
  /** Version of IP. */
  family?: 4 | 6;
  /** Address of this machine. */
  bindAddress?: string;
}

const strictness: Record<string, StrictHostKeyChecking> = {
  yes: 'yes',
  true: 'yes',
  'accept-new': 'accept-new',
  no: 'no',
  false: 'no',
  off: 'no',
};

/**
 * @param defaultUser where no user is named
 * @throws Error for what Sumac cannot do: ProxyCommand, KnownHostsCommand, algorithms of which it has none
 */
export function optionsOf(said: Said, host: string, defaultUser: string): HostOptions {
  const one = (keyword: string) => said.get(keyword)?.[0];
  const many = (keyword: string) => said.get(keyword)?.filter((value) => value !== 'none');
  const [proxyKind, proxy] = said.get('proxy') ?? [];
  if (proxyKind === 'proxycommand' && proxy !== 'none')
    throw new Error(`ProxyCommand is not supported (for host ${host}): use ProxyJump`);
  if ((one('knownhostscommand') ?? 'none') !== 'none')
    throw new Error(`KnownHostsCommand is not supported (for host ${host}): list the keys in a known_hosts file`);
  const hostName = one('hostname')?.replace(/%([%h])/g, (_, token) => (token === '%' ? '%' : host));
  const user = one('user') ?? defaultUser;
  const port = Number(one('port') ?? 22);
  const hostKeyAlias = one('hostkeyalias');
  const tokens: Record<string, () => string> = {
    '%': () => '%',
    d: () => home,
    h: () => hostName ?? host,
    i: () => String(userInfo().uid),
    k: () => hostKeyAlias ?? host,
    l: hostname,
    L: () => hostname().split('.')[0] ?? '',
    n: () => host,
    p: () => String(port),
    r: () => user,
    u: () => userInfo().username,
  };
  const path = (value: string) =>
    untilde(
      value.replace(/%(.)/g, (whole, token: string) => {
        const make = tokens[token];
        if (!make) throw new Error(`'${value}' (for host ${host}): ${whole} is not supported here`);
        return make();
      }),
    );
  const agent = one('identityagent');
  const revoked = one('revokedhostkeys');
  const strict = strictness[one('stricthostkeychecking')?.toLowerCase() ?? ''];
  const seconds = (keyword: string) => {
    const number = Number(one(keyword) ?? 0);
    // As long as a timer takes: 24 days.
    return number > 0 ? Math.min(number * 1000, 2 ** 31 - 1) : undefined;
  };
  return present({
    hostName: hostName?.toLowerCase() === host.toLowerCase() ? undefined : hostName,
    port: port === 22 ? undefined : port,
    user,
    identityFiles: unique(many('identityfile')?.map(path)),
    identitiesOnly: one('identitiesonly')?.toLowerCase() === 'yes' || undefined,
    identityAgent: agent === undefined || agent === 'SSH_AUTH_SOCK' ? undefined : path(fromEnvironment(agent)),
    certificateFiles: unique(many('certificatefile')?.map(path)),
    proxyJump: proxyKind === 'proxycommand' ? 'none' : proxy && path(proxy).replaceAll('ssh://', ''),
    userKnownHosts: many('userknownhostsfile')?.map(path),
    globalKnownHosts: many('globalknownhostsfile')?.map(untilde),
    revokedHostKeys: revoked === undefined || revoked === 'none' ? undefined : path(revoked),
    hostKeyAlias,
    strict,
    connectTimeoutMs: seconds('connecttimeout'),
    keepaliveMs: seconds('serveraliveinterval'),
    keepaliveCount: seconds('serveraliveinterval') === undefined ? undefined : Number(one('serveralivecountmax') ?? 3),
    algorithms: algorithmsOf(said, host),
    family: ({ inet: 4, inet6: 6 } as const)[one('addressfamily')?.toLowerCase() ?? ''],
    bindAddress: one('bindaddress'),
  });
}

// `$NAME`, and nothing around it.
const fromEnvironment = (value: string): string => {
  const name = /^\$(\w+)$/.exec(value)?.[1];
  return name === undefined ? value : (process.env[name] ?? 'none');
};

const unique = (values: string[] | undefined) => values && [...new Set(values)];

const present = <T extends object>(values: { [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
