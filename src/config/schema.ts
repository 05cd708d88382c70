import { z } from 'zod';

const port = z.int().min(1).max(65535);
const ssh = z.strictObject({
  /** OpenSSH client configuration: HostName, Port, User, IdentityFile, ProxyJump and UserKnownHostsFile are obeyed. */
  config_file: z.string().optional(),
  user: z.string().default('root'),
  identity_files: z.array(z.string()).default([]),
  /** Use the agent of SSH_AUTH_SOCK too. */
  agent: z.boolean().default(true),
  /** Files in known_hosts format. */
  known_hosts: z.array(z.string()).default([]),
  jump_host: z.string().optional(),
  connect_timeout_seconds: z.number().positive().default(10),
  keepalive_seconds: z.number().positive().default(15),
  /** Handshakes in progress at a time. */
  max_handshakes: z.int().positive().default(32),
  /** Channels open at a time on one connection; sshd's MaxSessions is 10. */
  max_channels: z.int().min(1).max(10).default(10),
});

/** The configuration file. Keys keep Spicerack's names where it has one (spicerack.md 1.8). Paths: `~` is the home directory. */
export const Config = z.strictObject({
  /** Checkouts; cookbooks are looked for in `<entry>/cookbooks/`. */
  cookbooks_base_dirs: z.array(z.string()).min(1),
  /** Root of the log files. */
  logs_base_dir: z.string(),
  /** Sumac's own state: workflow bundles, whole outputs of commands, host keys accepted by runs. */
  state_dir: z.string().default('/var/lib/sumac'),
  tcpircbot_host: z.string().optional(),
  tcpircbot_port: z.int().min(0).max(65535).default(0),
  user_input_notifications_enabled: z.boolean().default(false),
  temporal: z.strictObject({
    address: z.string().default('127.0.0.1:7233'),
    namespace: z.string().default('default'),
    task_queue: z.string().default('sumac'),
    /** Address of the web UI, for links. */
    ui: z.string().optional(),
    tls: z
      .strictObject({
        ca_cert: z.string().optional(),
        cert: z.string().optional(),
        key: z.string().optional(),
        server_name: z.string().optional(),
      })
      .optional(),
    /** File that holds the API key. */
    api_key_file: z.string().optional(),
  }),
  /** Without it locking is off. */
  etcd: z
    .strictObject({
      hosts: z.array(z.string()).min(1),
      ca_cert: z.string().optional(),
      cert: z.string().optional(),
      key: z.string().optional(),
      username: z.string().optional(),
      password_file: z.string().optional(),
    })
    .optional(),
  ssh: ssh.prefault({}),
  /** How the installer's system is reached while a host is re-imaged. */
  installer_ssh: z
    .strictObject({
      user: z.string().default('root'),
      identity_files: z.array(z.string()),
      known_hosts: z.array(z.string()),
    })
    .optional(),
  /** BMCs of the hosts. */
  management: z
    .strictObject({
      user: z.string().default('root'),
      password_file: z.string(),
      /** Cipher suite of `ipmitool -C`. */
      cipher_suite: z.int().min(0).max(17).default(17),
      port: port.default(623),
      timeout_seconds: z.number().positive().default(10),
    })
    .optional(),
  /** YAML file of the hosts' addresses; see the docs of `Inventory`. */
  inventory: z.string().optional(),
  dhcp: z
    .strictObject({
      /** Host expression of the install servers. */
      servers: z.string(),
      /** Secret key file from which each run's proof token is derived. */
      proof_key_file: z.string(),
    })
    .optional(),
  /** Networks with workers of their own: hosts that match are reached through the queue `TASK_QUEUE-SITE`. */
  sites: z.record(z.string().regex(/^[a-z0-9-]+$/), z.strictObject({ hosts: z.string() })).default({}),
});
export type Config = z.infer<typeof Config>;
