import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startSshLab } from '../support/sshd.ts';

/** A host behind a real sshd of this machine, as Sumac and as OpenSSH reach it. */
export interface Host {
  name: string;
  /** Lines of Sumac's configuration. */
  config: string;
  /** OpenSSH client configuration. */
  sshConfig: string;
  close(): Promise<void>;
}

export async function openHost(): Promise<Host> {
  const name = 'bench1';
  const lab = await startSshLab([name]);
  const { dir, key, knownHosts, sshConfig: plain } = lab;
  const sshConfig = join(dir, 'ssh_config.openssh');
  writeFileSync(
    sshConfig,
    `Include ${plain}\nHost *\n  User root\n  IdentityFile ${key}\n  IdentitiesOnly yes\n  UserKnownHostsFile ${knownHosts}\n`,
  );
  const config = `ssh: { config_file: '${plain}', identity_files: ['${key}'], known_hosts: ['${knownHosts}'], agent: false }`;
  return { name, config, sshConfig, close: () => lab.close() };
}
