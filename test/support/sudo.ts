import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** Why this machine cannot play such a host; false when it can. */
export const cannotSudo = process.getuid?.() !== 0 ? 'needs root' : existsSync('/usr/bin/sudo') ? false : 'needs sudo';

/** Who logs in there, and has no rights. */
export const sudoUser = { name: 'operator-of-test', id: 54321 };

/** For `within` of a lab: an sshd that alone sees what a shell script, which has a directory `$dir`, has mounted. */
export const withMounts = (script: string): string[] => [
  'unshare',
  '--mount',
  'sh',
  '-ec',
  `dir=$(mktemp -d ${tmpdir()}/sumac-sudo-XXXXXX)\n${script}\nexec "$@"`,
  'within',
];

/** Hosts where a user without rights logs in who may become root by the real sudo. */
export const withSudo = withMounts(
  `{ cat /etc/passwd; echo '${sudoUser.name}:*:${sudoUser.id}:${sudoUser.id}::/:/bin/sh'; } >$dir/passwd
   { echo 'Defaults env_keep += SUMAC_JOURNAL'; echo '${sudoUser.name} ALL=(ALL) NOPASSWD: ALL'; } >$dir/sudoers
   chmod 644 $dir/passwd; chmod 440 $dir/sudoers
   mount --bind $dir/passwd /etc/passwd; mount --bind $dir/sudoers /etc/sudoers
   rm -r $dir`,
);
