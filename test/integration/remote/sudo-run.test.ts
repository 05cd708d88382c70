import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startLabCli } from '../../support/lab-cli.ts';
import { cannotSudo, sudoUser, withMounts, withSudo } from '../../support/sudo.ts';
import { resultOf } from '../../support/world/engine.ts';

/** For machines without sudo: a host where root logs in, with a program of that name that does as it is told. */
const withStandIn = withMounts(
  `mount -t tmpfs tmpfs $dir
   echo '#!/bin/sh' >$dir/sudo
   echo '[ "$1 $2 $3" = "-n -H --" ] || exit 1; shift 3; SUDO_USER=root HOME=~root exec "$@"' >>$dir/sudo
   chmod 755 $dir/sudo
   mount --move $dir /usr/local/sbin
   rmdir $dir`,
);

/** Reports what commands say on the same host without and with sudo, journalled and not. */
const cookbook = `
import type { Spicerack } from 'sumac';
export const title = 'Who is it';
export async function run(_: unknown, spicerack: Spicerack) {
  const commands = ['echo $(id -un) for \${SUDO_USER:-itself}, home $HOME, in $(pwd)'];
  const said: string[] = [];
  for (const useSudo of [false, true]) {
    const hosts = await spicerack.remote().query('web1', { useSudo });
    const written = await spicerack.step('write', { write: () => hosts.runSync({ commands }), undo: () => Promise.resolve() });
    const read = await spicerack.step('read', { read: () => hosts.runSync({ commands, isSafe: true }) });
    said.push(written.output('web1'), read.output('web1'));
  }
  spicerack.report(said);
}`;

const notRoot = process.getuid?.() !== 0 && 'needs root';
const root = userInfo().homedir;
const cases = [
  { by: 'the real sudo', skip: cannotSudo, within: withSudo, user: sudoUser.name, id: sudoUser.id, home: '/' },
  { by: 'a program in its place', skip: notRoot, within: withStandIn, user: 'root', id: 0, home: root },
];
for (const { by, skip, within, user, id, home } of cases)
  test(`useSudo makes a cookbook's commands root's, in the directory of who logs in: by ${by}`, { skip }, async () => {
    const { lab, server, cli, stop } = await startLabCli(['web1'], { within, config: () => ({ ssh: { user } }) });
    try {
      chmodSync(lab.dir, 0o711);
      const own = join(lab.dir, 'web1');
      chownSync(own, id, id);
      mkdirSync(join(lab.dir, 'cookbooks'));
      writeFileSync(join(lab.dir, 'cookbooks/who.ts'), cookbook);
      await cli.worker();
      const { code, stderr } = await cli.run(['who']);
      assert.equal(code, 0, stderr);
      const { report } = await resultOf(server.client.workflow.getHandle(/^who\/\S+/m.exec(stderr)?.[0] ?? ''));
      const plain = `${user} for itself, home ${own}, in ${home}`;
      const sudo = `root for ${user}, home ${root}, in ${home}`;
      assert.deepEqual(report, [plain, plain, sudo, sudo]);
    } finally {
      await stop();
    }
  });
