import { type ExecFileException, execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { inventoryHost } from '../config/inventory.ts';
import type { Config } from '../config/schema.ts';
import { OpsError, messageOf } from '../model/errors.ts';

/** The BMC of one host, and how to log in to it. */
export interface Bmc {
  host: string;
  address: string;
  port: number;
  user: string;
  passwordFile: string;
  cipherSuite: number;
  /** Seconds after which a silent BMC is given up. */
  timeoutSeconds: number;
}

/** What one call of ipmitool ended with; `output` is standard output, then standard error. */
export interface IpmitoolResult {
  code: number;
  output: string;
}

/**
 * The BMC of a host, from the inventory and the `management` section of the configuration.
 * @throws MANAGEMENT_NOT_CONFIGURED, INVENTORY_UNREADABLE, HOST_UNKNOWN
 */
export function bmcOf(config: Config, host: string): Bmc {
  const { management } = config;
  if (!management)
    throw new OpsError(
      'usage',
      'MANAGEMENT_NOT_CONFIGURED',
      `no 'management' in the configuration, needed to reach the BMC of ${host}`,
    );
  return {
    host,
    address: inventoryHost(config.inventory, host).mgmt,
    port: management.port,
    user: management.user,
    passwordFile: management.password_file,
    cipherSuite: management.cipher_suite,
    timeoutSeconds: management.timeout_seconds,
  };
}

export const bmcName = (bmc: Bmc) => `BMC of ${bmc.host} (${bmc.address})`;

async function passwordOf(bmc: Bmc): Promise<string> {
  let password: string;
  try {
    password = (await readFile(bmc.passwordFile, 'utf8')).trimEnd();
  } catch (error) {
    throw new OpsError(
      'usage',
      'MANAGEMENT_PASSWORD_UNREADABLE',
      `management.password_file ${bmc.passwordFile}: ${messageOf(error)}`,
    );
  }
  // ipmitool's lanplus takes no more than the 20 bytes that IPMI 2.0 stores.
  if (password === '' || Buffer.byteLength(password) > 20)
    throw new OpsError(
      'usage',
      'MANAGEMENT_PASSWORD_INVALID',
      `management.password_file ${bmc.passwordFile} must hold a password of 1 to 20 bytes`,
    );
  return password;
}

/**
 * Runs ipmitool once against a BMC; the password travels in the environment only.
 * @param once send each packet a single time: a repeated power command would be executed again by the BMC
 * @throws IPMITOOL_FAILED when it could not be started or did not end
 */
export async function ipmitool(
  bmc: Bmc,
  command: readonly string[],
  { once = false, signal }: { once?: boolean; signal?: AbortSignal } = {},
): Promise<IpmitoolResult> {
  const password = await passwordOf(bmc);
  // A session takes three exchanges, each given `-R` times `-N` whole seconds.
  const third = Math.max(1, Math.round(bmc.timeoutSeconds / 3));
  const patience = once ? { tries: 1, seconds: third } : { tries: third, seconds: 1 };
  const args = ['-I', 'lanplus', '-H', bmc.address, '-p', bmc.port, '-U', bmc.user, '-C', bmc.cipherSuite, '-E'];
  const timing = ['-N', patience.seconds, '-R', patience.tries];
  return new Promise((resolve, reject) => {
    execFile(
      'ipmitool',
      [...args, ...timing, ...command].map(String),
      {
        env: { PATH: process.env.PATH, LC_ALL: 'C', IPMITOOL_PASSWORD: password },
        timeout: bmc.timeoutSeconds * 6000,
        ...(signal && { signal }),
      },
      (error, stdout, stderr) => {
        const output = [stdout.trim(), stderr.trim()].filter((text) => text !== '').join('\n');
        if (!error) resolve({ code: 0, output });
        else if (signal?.aborted) reject(signal.reason as Error);
        else if (typeof error.code === 'number') resolve({ code: error.code, output });
        else reject(notEnded(bmc, error));
      },
    );
  });
}

const notEnded = (bmc: Bmc, error: ExecFileException) =>
  new OpsError(
    'transient',
    'IPMITOOL_FAILED',
    `${bmcName(bmc)}: ipmitool ${error.killed ? `was stopped: no end after ${bmc.timeoutSeconds * 6} s` : error.message}`,
    { host: bmc.host, started: error.code !== 'ENOENT' && error.code !== 'EACCES' },
  );
