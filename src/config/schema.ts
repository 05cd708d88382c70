import { z } from 'zod';

const port = z.int().min(1).max(65535);

/** An etcd cluster whose members are reached by ssh; in paths, which are the members' own, `{fqdn}` is the member's name. */
const etcdCluster = z.strictObject({
  /** Host expression of the present members. */
  members: z.string(),
  client_port: port.default(2379),
  peer_port: port.default(2380),
  scheme: z.enum(['http', 'https']).default('https'),
  ca_cert: z.string().default('/etc/etcd/ssl/ca.pem'),
  cert: z.string().default('/etc/etcd/ssl/{fqdn}.pem'),
  key: z.string().default('/etc/etcd/ssl/{fqdn}.priv'),
});
export type EtcdCluster = z.infer<typeof etcdCluster>;

/**
 * The configuration file. Keys keep Spicerack's names where it has one (spicerack.md 1.8).
 * @param absolute what is made of each path in it
 */
export const configSchema = (absolute: (path: string) => string) => {
  const path = z.string().min(1).transform(absolute);
  const ssh = z.strictObject({
    /**
     * OpenSSH client configuration, as of `ssh -F`; `none` for none. Default: those of the worker's user and of the system.
     * What it says of a host wins over what is said here and under `sites`.
     */
    config_file: z.union([z.literal('none'), path]).optional(),
    /** Of hosts for which neither the OpenSSH configuration nor their site names one. */
    user: z.string().default('root'),
    /** Private keys, or public ones whose private half the agent holds; offered after those of the OpenSSH configuration. */
    identity_files: z.array(path).default([]),
    /** Offer the keys of the agent (IdentityAgent, else SSH_AUTH_SOCK) too. */
    agent: z.boolean().default(true),
    /** Files in known_hosts format; they take the place of OpenSSH's own (~/.ssh/known_hosts, /etc/ssh/ssh_known_hosts). */
    known_hosts: z.array(path).default([]),
    /** `[user@]host[:port]`, several with commas, or `none`. */
    jump_host: z.string().optional(),
    connect_timeout_seconds: z.number().positive().max(86_400).default(10),
    keepalive_seconds: z.number().positive().max(86_400).default(15),
    /** Hosts one activity works on at a time. */
    fanout: z.int().positive().default(64),
    /** Most hosts served by one activity; more are shared out among the workers. */
    slice_size: z.int().positive().default(1000),
    /** Handshakes in progress at a time. */
    max_handshakes: z.int().positive().default(32),
    /** Channels open at a time on one connection; sshd's MaxSessions is 10. */
    max_channels: z.int().min(1).max(10).default(10),
    /** Connections kept open for the next command; of those beyond, and beyond half of what `ulimit -n` allows, none that is unused stays open. */
    max_connections: z.int().positive().default(1000),
  });

  const site = z.strictObject({
    /** Comma list of host sets and of patterns with `*` or `?`: `web[1-9].east,*.tools`. */
    hosts: z.string(),
    /** Of the workers that reach the hosts, default `TASK_QUEUE-SITE`; with that of `temporal` it is all workers that do. */
    task_queue: z.string().min(1).optional(),
    /** As under `ssh`. */
    jump_host: z.string().optional(),
    user: z.string().optional(),
    /** Instead of those under `ssh`. */
    identity_files: z.array(path).optional(),
    /**
     * What is done about host keys that are not known. `accept-new` takes and notes them; `no` takes any key that is not
     * revoked. Neither is silent: each connection is logged, each run says so.
     */
    strict_host_key_checking: z.enum(['yes', 'accept-new', 'no']).optional(),
  });

  return z.strictObject({
    /** Checkouts; cookbooks are looked for in `<entry>/cookbooks/`. */
    cookbooks_base_dirs: z.array(path).min(1),
    /** Root of the log files. */
    logs_base_dir: path,
    /** Sumac's own state: workflow bundles, whole outputs of commands, host keys accepted by runs. */
    state_dir: path.default('/var/lib/sumac'),
    tcpircbot_host: z.string().optional(),
    tcpircbot_port: z.int().min(0).max(65535).default(0),
    user_input_notifications_enabled: z.boolean().default(false),
    temporal: z
      .strictObject({
        address: z
          .string()
          .regex(/^\S+:\d+$/, 'expected HOST:PORT')
          .default('127.0.0.1:7233'),
        namespace: z.string().default('default'),
        task_queue: z.string().default('sumac'),
        /** Address of the web UI, for links. */
        ui: z.string().optional(),
        tls: z
          .strictObject({
            ca_cert: path.optional(),
            cert: path.optional(),
            key: path.optional(),
            server_name: z.string().optional(),
          })
          .optional(),
        /** File that holds the API key. */
        api_key_file: path.optional(),
      })
      .prefault({}),
    /** Without it locking is off. */
    etcd: z
      .strictObject({
        /** Addresses of the members, `https://HOST:PORT`; or {@link srv_domain}. */
        hosts: z.array(z.string()).min(1).optional(),
        /** Domain whose SRV records `_etcd-client-ssl._tcp`, `_etcd-client._tcp` or `_etcd._tcp` name the members. */
        srv_domain: z.string().min(1).optional(),
        ca_cert: path.optional(),
        cert: path.optional(),
        key: path.optional(),
        username: z.string().optional(),
        password_file: path.optional(),
        /** How long a lock is waited for; default 1755, the 27 tries of the original. */
        wait_seconds: z.number().nonnegative().optional(),
      })
      .refine(({ hosts, srv_domain }) => (hosts === undefined) !== (srv_domain === undefined), {
        error: 'set either hosts or srv_domain',
      })
      .optional(),
    ssh: ssh.prefault({}),
    /** How the installer's system is reached while a host is re-imaged. */
    installer_ssh: z
      .strictObject({
        user: z.string().default('root'),
        identity_files: z.array(path),
        known_hosts: z.array(path),
      })
      .optional(),
    /** BMCs of the hosts. */
    management: z
      .strictObject({
        user: z.string().default('root'),
        password_file: path,
        /** Cipher suite of `ipmitool -C`. */
        cipher_suite: z.int().min(0).max(17).default(17),
        port: port.default(623),
        timeout_seconds: z.number().positive().default(10),
      })
      .optional(),
    /** YAML file of the hosts' addresses; see the docs of `Inventory`. */
    inventory: path.optional(),
    dhcp: z
      .strictObject({
        /** Host expression of the install servers. */
        servers: z.string(),
        /** Secret key file from which each run's proof token is derived. */
        proof_key_file: path,
      })
      .optional(),
    /** etcd clusters by name, for `etcdctl` on their members. */
    etcd_clusters: z.record(z.string(), etcdCluster).default({}),
    /** Programs of your own on the worker. One that exits with 2 refuses for good; any other failure is tried again. */
    hooks: z
      .strictObject({
        /** Called as `add HOST MINUTES TOKEN REASON` and `find TOKEN`, both print an id, and as `remove ID`. */
        downtime: path.optional(),
        /**
         * Load balancers. Called as `pooled SERVICE HOST...`, which prints those of the hosts that serve, one a line; as
         * `depool SERVICE HOST...` and `repool SERVICE HOST...`, which may be called again; and, for `queryConfctl`, as
         * `hosts ENTITY TAG=REGEX...`, which prints the names of the objects whose tags all match, one a line, and nothing
         * when there are none. Each regular expression begins with `^(` and ends in `)$`; the tag `name` is the object's name.
         */
        pool: path.optional(),
      })
      .default({}),
    /** Backend whose grammar a query is tried in first; null for the global grammar only. */
    default_backend: z.string().nullable().default('direct'),
    /** YAML map of names to queries, for `A:name`; need not exist. */
    aliases_file: path.prefault('aliases.yaml'),
    /** A run whose query gives more hosts is refused, unless `--max-hosts` allows them. */
    max_hosts: z.int().positive().default(10_000),
    /** For `K{...}`. */
    knownhosts: z.strictObject({ files: z.array(path).default([]) }).prefault({}),
    /** For `P{...}`. */
    puppetdb: z
      .strictObject({
        host: z.string().default('localhost'),
        port: port.default(443),
        scheme: z.enum(['http', 'https']).default('https'),
        /** Seconds for a whole answer. */
        timeout: z.number().positive().default(30),
        /** Trust the system's authorities, those in this file, or everybody. */
        ssl_verify: z.union([z.boolean(), path]).default(true),
        ssl_client_cert: path.optional(),
        ssl_client_key: path.optional(),
      })
      .prefault({}),
    /** For `O{...}`. */
    openstack: z
      .strictObject({
        /** Keystone's, with or without `/v3`. */
        auth_url: z.url({ protocol: /^https?$/ }).default('http://localhost:5000'),
        username: z.string().optional(),
        password_file: path.optional(),
        /** What host names end in, after instance and project. */
        domain_suffix: z.string().optional(),
        /** Version of Nova's API, `2` or a microversion such as `2.12`. */
        nova_api_version: z
          .union([z.string(), z.number().transform(String)])
          .pipe(z.string().regex(/^2(\.\d+)?$/))
          .default('2'),
        /** Seconds for each whole answer. */
        timeout: z.number().positive().default(10),
        proxy_url: z.url({ protocol: /^http$/ }).optional(),
        /** Which of Nova's endpoints. */
        client_params: z
          .strictObject({
            region_name: z.string().optional(),
            endpoint_type: z.enum(['public', 'internal', 'admin']).default('public'),
          })
          .prefault({}),
        /** Filters of every query that does not name them itself. */
        query_params: z.record(z.string(), z.string()).default({}),
      })
      .prefault({}),
    /** Networks, the first that has a host counts; their workers are started with `cookbook worker --site SITE`. */
    sites: z
      .record(z.string().regex(/^[a-z0-9-]+$/, 'a site is named in lower-case letters, digits and -'), site)
      .default({}),
  });
};

/** Schema of a configuration whose paths are absolute already. */
export const Config = configSchema((path) => path);
export type Config = z.infer<typeof Config>;
