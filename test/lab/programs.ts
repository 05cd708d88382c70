import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`; // not on every login's path

/** Debian package of each program that a lab needs. */
const packages = {
  busybox: 'busybox-static',
  debootstrap: 'debootstrap',
  dropbear: 'dropbear-bin',
  flock: 'util-linux',
  ip: 'iproute2',
  ipmi_sim: 'openipmi',
  setpriv: 'util-linux',
  'ssh-keygen': 'openssh-client',
  'systemd-nspawn': 'systemd-container',
};

function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((dir) => {
    try {
      accessSync(join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What keeps a lab from being made here, in one line; nothing when it can be. */
export function whyNoLab(): string | undefined {
  if (process.getuid?.() !== 0) return 'a lab needs root: namespaces, mounts, port 623';
  const missing = Object.entries(packages).filter(([program]) => !isInstalled(program));
  if (missing.length === 0) return undefined;
  const names = [...new Set(missing.map(([, name]) => name))].join(' ');
  return `a lab needs ${missing.map(([program]) => program).join(', ')}: apt-get install ${names}`;
}

/** @throws when no lab can be made on this machine */
export function requirePrograms(): void {
  const why = whyNoLab();
  if (why !== undefined) throw new Error(why);
}
