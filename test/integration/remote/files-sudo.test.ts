import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type UploadInput, files } from '../../../activities/files.ts';
import { isOpsError } from '../../../src/model/errors.ts';
import { Remote } from '../../../src/remote/remote.ts';
import { callOf } from '../../support/call.ts';
import { startSshLab, type SshLab } from '../../support/sshd.ts';
import { cannotSudo, sudoUser, withSudo } from '../../support/sudo.ts';

/** The `cat` that reads a pipe, once it does. */
async function readerOf(pipe: string): Promise<number> {
  for (let tries = 0; tries < 1000; tries++) {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
      try {
        if (readFileSync(`/proc/${pid}/comm`, 'utf8') === 'cat\n' && readlinkSync(`/proc/${pid}/fd/0`) === pipe)
          return Number(pid);
      } catch {
        // It has ended.
      }
    await sleep(10);
  }
  throw new Error('nobody reads it');
}

describe('files that only root may touch, where somebody else logs in', { skip: cannotSudo }, () => {
  let lab: SshLab;
  let remote: Remote;
  let dir: string;
  let path: string;
  before(async () => {
    lab = await startSshLab(['web1'], [], withSudo);
    chmodSync(lab.dir, 0o711);
    const config = lab.configWith({ user: sudoUser.name });
    remote = new Remote(config);
    dir = join(lab.dir, 'roots');
    mkdirSync(dir, { mode: 0o700 });
    path = join(dir, 'secret.conf');
  });
  after(async () => {
    await remote.close();
    await lab.close();
  });
  const call = () => callOf({ config: lab.config, remote });
  const of = (path: string, sudo = true) => ({ hosts: ['web1'], path, ...(sudo && { sudo }) });
  const upload = (input: UploadInput) => files['files.upload'].run(input, call());
  const fails = (code: string, message: RegExp) => (error: unknown) => {
    assert.ok(isOpsError(error), String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };

  test('are not to be had without sudo', async () => {
    assert.equal((await remote.text('web1', 'id -un')).trim(), sudoUser.name);
    await assert.rejects(upload({ ...of(path, false), content: 'x' }), fails('FILE_NOT_WRITTEN', /secret\.conf/));
    assert.deepEqual(readdirSync(dir), []);
  });

  test('are written whole, keep mode and owner, are read again and brought back', async () => {
    assert.deepEqual(await upload({ ...of(path), content: 'new\n', mode: 0o640, owner: 'daemon' }), ['web1']);
    assert.deepEqual(await upload({ ...of(path), content: 'new\n' }), []);
    assert.deepEqual(await upload({ ...of(path), content: "it's\0binary\xff\n" }), ['web1']);
    const { uid, mode } = statSync(path);
    assert.deepEqual([uid, (mode & 0o7777).toString(8)], [1, '640']);
    assert.equal(await files['files.download'].run(of(path), call()), "it's\0binary\xff\n");
    await files['files.restore'].run(of(path), call());
    assert.deepEqual(readdirSync(dir), []);
    await files['files.restore'].run(of(path), call());
  });

  test('may be of any size, and never go through a command line', async () => {
    const bytes = randomBytes(5_000_001);
    const [source, back] = [join(lab.dir, 'source'), join(lab.dir, 'back')];
    writeFileSync(source, bytes);
    writeFileSync(path, 'old');
    await upload({ ...of(path), file: source });
    assert.ok(readFileSync(path).equals(bytes));
    await assert.rejects(
      files['files.download'].run(of(path), call()),
      fails('FILE_TOO_LARGE', /5000001 bytes, 262144 are taken/),
    );
    await files['files.fetch'].run({ ...of(path), to: back }, call());
    assert.ok(readFileSync(back).equals(bytes));
    await assert.rejects(
      files['files.fetch'].run({ ...of(path), to: join(lab.dir, 'nowhere/file') }, call()),
      fails('FILE_NOT_WRITTEN', /on the worker/),
    );
    await files['files.restore'].run(of(path), call());
    assert.equal(readFileSync(path, 'utf8'), 'old');
    assert.deepEqual(readdirSync(dir), ['secret.conf']);
  });

  test('what cannot be had is one clear error', async () => {
    const none = of(join(dir, 'none'));
    await assert.rejects(files['files.download'].run(none, call()), fails('FILE_MISSING', /none does not exist/));
    await assert.rejects(files['files.download'].run(of(dir), call()), fails('FILE_UNREADABLE', /is a directory/));
    await assert.rejects(
      files['files.fetch'].run({ ...none, to: join(lab.dir, 'back') }, call()),
      fails('FILE_MISSING', /none does not exist/),
    );
    await assert.rejects(upload({ ...of(dir), content: '' }), fails('FILE_NOT_WRITTEN', /is a directory/));
  });

  test('nothing of what a file holds is in an error, should the reading break off', async () => {
    const pipe = join(dir, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const reading = files['files.download'].run(of(pipe), call());
    const outcome = assert.rejects(
      reading,
      fails('FILE_UNREADABLE', /pipe cannot be read: the reading broke off with \w+( status \d+)?$/),
    );
    const writer = openSync(pipe, 'r+');
    writeSync(writer, 'hunter2\n');
    const reader = await readerOf(pipe);
    await sleep(200);
    process.kill(reader, 'SIGKILL');
    await outcome;
    closeSync(writer);
  });

  test('a full disk leaves the file as it was', async () => {
    const small = join(lab.dir, 'small');
    mkdirSync(small);
    execFileSync('nsenter', [
      '-t',
      readFileSync(join(lab.dir, 'web1/pid'), 'utf8').trim(),
      '-m',
      'mount',
      '-t',
      'tmpfs',
      '-o',
      'size=64k',
      'tmpfs',
      small,
    ]);
    const full = of(join(small, 'file'));
    await upload({ ...full, content: 'old' });
    await assert.rejects(
      upload({ ...full, content: 'x'.repeat(200_000) }),
      fails('FILE_NOT_WRITTEN', /No space left on device/),
    );
    assert.equal(await files['files.download'].run(full, call()), 'old');
    await files['files.restore'].run(full, call());
    await assert.rejects(files['files.download'].run(full, call()), fails('FILE_MISSING', /does not exist/));
    assert.equal((await remote.text('web1', `ls -A ${small}`)).trim(), '');
  });
});
