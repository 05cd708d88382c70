import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { configSchema } from '../../../src/config/schema.ts';
import { isOpsError } from '../../../src/model/errors.ts';
import { Remote } from '../../../src/remote/remote.ts';
import { freePort } from '../../support/etcd.ts';
import { makeKey } from '../../support/sshd.ts';
import { waitFor as soon } from '../../support/wait-for.ts';

const missing = [
  '/usr/sbin/dropbear',
  '/usr/bin/dropbearkey',
  '/usr/bin/ldd',
  '/usr/bin/unshare',
  '/bin/busybox',
].filter((path) => !existsSync(path));
const skip =
  missing.length > 0
    ? `${missing.join(', ')} is not installed`
    : process.getuid?.() === 0
      ? false
      : 'needs root: the installer gets a root directory of its own';

describe('an installer, with dropbear and busybox for sshd and Debian', { skip }, () => {
  let dir: string;
  let remote: Remote;
  let port: number;
  let dropbear: ReturnType<typeof spawn>;

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sumac-dropbear-'));
    const root = join(dir, 'root');
    port = await freePort();
    for (const each of ['bin', 'root/.ssh', 'proc', 'dev', 'etc', 'var', 'tmp', 'run'])
      mkdirSync(join(root, each), { recursive: true, mode: 0o755 });
    copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
    for (const applet of execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).split('\n'))
      if (applet !== '' && applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet));
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
    writeFileSync(join(root, 'etc/shells'), '/bin/sh\n');
    makeKey(join(dir, 'installer'));
    copyFileSync(join(dir, 'installer.pub'), join(root, 'root/.ssh/authorized_keys'));
    execFileSync('/usr/bin/dropbearkey', ['-t', 'ed25519', '-f', join(dir, 'host_key')], { stdio: 'ignore' });
    const shown = execFileSync('/usr/bin/dropbearkey', ['-y', '-f', join(dir, 'host_key')], { encoding: 'utf8' });
    // One key for all installers, whatever the host.
    writeFileSync(join(dir, 'known_hosts'), `[*]:* ${/^ssh-ed25519 \S+/m.exec(shown)?.[0] ?? ''}\n`);
    writeFileSync(join(dir, 'ssh_config'), `Host machine\n  HostName 127.0.0.1\n  Port ${port}\n`);
    const libraries = execFileSync('/usr/bin/ldd', ['/usr/sbin/dropbear'], { encoding: 'utf8' }).matchAll(
      /(\/\S+) \(0x/g,
    );
    for (const [, library = ''] of [...libraries, ['', '/usr/sbin/dropbear'], ['', join(dir, 'host_key')]]) {
      mkdirSync(join(root, library, '..'), { recursive: true });
      copyFileSync(library, join(root, library));
    }
    dropbear = spawn(
      '/usr/bin/unshare',
      [
        '--mount',
        'sh',
        '-c',
        'mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && shift && exec chroot "$@"',
        'sh',
      ].concat([
        root,
        root,
        '/usr/sbin/dropbear',
        '-F',
        '-E',
        '-s',
        '-r',
        join(dir, 'host_key'),
        '-p',
        `127.0.0.1:${port}`,
      ]),
      { stdio: 'ignore', detached: true },
    );
    for (let i = 0; i < 300 && !(await listens(port)); i++) await sleep(20);
    remote = new Remote(
      configSchema((path) => path).parse({
        cookbooks_base_dirs: [dir],
        logs_base_dir: join(dir, 'logs'),
        state_dir: join(dir, 'state'),
        ssh: { config_file: join(dir, 'ssh_config') },
        installer_ssh: { identity_files: [join(dir, 'installer')], known_hosts: [join(dir, 'known_hosts')] },
      }),
    );
  });
  after(async () => {
    await remote.close();
    const gone = once(dropbear, 'exit');
    if (dropbear.pid !== undefined) process.kill(-dropbear.pid, 'SIGKILL');
    await gone;
    rmSync(dir, { recursive: true, force: true });
  });

  const access = 'installer';
  const inRoot = (name: string) => join(dir, 'root/tmp', name);
  const content = (name: string) => (existsSync(inRoot(name)) ? readFileSync(inRoot(name), 'utf8') : '');
  const waitFor = (what: () => boolean) => soon(what, 2000);

  test('is reached by its own user and key, and only by them', async () => {
    assert.equal(await remote.text('machine', 'echo $HOME; readlink /bin/ls', { access }), '/root\nbusybox\n');
    await assert.rejects(
      remote.run('machine', 'true'),
      (error) => isOpsError(error) && error.code === 'HOST_KEY_UNKNOWN',
    );
  });

  test('keeps a journal: a command goes on without its connection, and is ended when asked', async () => {
    const command = 'echo x >>/tmp/detached; sleep 2; echo went on';
    const controller = new AbortController();
    const first = remote.runOnce('machine', command, { token: 'detached', access, signal: controller.signal });
    await waitFor(() => content('detached') !== '');
    controller.abort(new Error('WORKER_SHUTDOWN'));
    await assert.rejects(first, { message: 'WORKER_SHUTDOWN' });
    remote.forget('machine');
    const { exitCode, capture } = await remote.runOnce('machine', command, { token: 'detached', access });
    assert.deepEqual([exitCode, capture.output(100).text, content('detached')], [0, 'went on\n', 'x\n']);

    const endless = 'echo y >>/tmp/endless; while sleep 1; do echo z >>/tmp/endless; done';
    await assert.rejects(
      remote.runOnce('machine', endless, { token: 'endless', access, timeoutMs: 1500 }),
      (error) => isOpsError(error) && error.code === 'COMMAND_TIMEOUT' && error.kind === 'failed',
    );
    const after = content('endless');
    await sleep(1500);
    assert.equal(content('endless'), after);
  });
});

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
