import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Call } from '../../../activities/define.ts';
import { type UploadInput, files } from '../../../activities/files.ts';
import type { FileOptions } from '../../../src/model/file.ts';
import { isOpsError } from '../../../src/model/errors.ts';
import { Remote } from '../../../src/remote/remote.ts';
import { callOf } from '../../support/call.ts';
import { startSshLab, type SshLab } from '../../support/sshd.ts';

const asRoot = process.getuid?.() === 0 ? false : 'needs root';
let lab: SshLab;
let bare: SshLab;
let remote: Remote;

before(async () => {
  [lab, bare] = await Promise.all([
    startSshLab(['web1', 'web2'], ['Subsystem sftp internal-sftp']),
    startSshLab(['bare1']),
  ]);
  remote = new Remote(lab.config);
});
after(async () => {
  await remote.close();
  await Promise.all([lab.close(), bare.close()]);
});

/** A directory of a test's own, as the hosts share the file system; a file in it. */
const place = (name: string) => {
  const dir = join(lab.dir, name);
  mkdirSync(dir);
  return { dir, path: join(dir, 'file.conf') };
};
const call = (overrides: Partial<Call> = {}) => callOf({ config: lab.config, remote }, overrides);
type Upload = FileOptions & { path: string; content?: string; file?: string; hosts?: string[] };
const upload = (input: Upload, overrides?: Partial<Call>) =>
  files['files.upload'].run({ hosts: ['web1'], ...input } as UploadInput, call(overrides));
const restore = (path: string, overrides?: Partial<Call>) =>
  files['files.restore'].run({ hosts: ['web1'], path }, call(overrides));
const download = (path: string) => files['files.download'].run({ hosts: ['web1'], path }, call());
const hasCode =
  (kind: string, code: string, message = /./) =>
  (error: unknown) => {
    assert.ok(isOpsError(error), String(error));
    assert.deepEqual([error.kind, error.code], [kind, code], error.message);
    assert.match(error.message, message);
    return true;
  };
const text = (path: string) => readFileSync(path, 'utf8');
const mode = (path: string) => (statSync(path).mode & 0o7777).toString(8);

test(
  'a file is written whole, with mode and owner; a second attempt finds it and does nothing',
  { skip: asRoot },
  async () => {
    const { dir, path } = place('plain');
    const content = `it's "quoted" $HOME\nümläut\n`;
    const input = { path, content, mode: 0o640, owner: 'daemon:12' };
    assert.deepEqual(await upload(input), ['web1']);
    const { ino, uid, gid } = statSync(path);
    assert.deepEqual([text(path), mode(path), uid, gid], [content, '640', 1, 12]);
    assert.deepEqual(await upload(input), []);
    assert.equal(statSync(path).ino, ino);
    assert.deepEqual(await upload({ ...input, mode: 0o600 }), ['web1']);
    assert.equal(mode(path), '600');
    assert.deepEqual(readdirSync(dir), ['file.conf']);
    assert.equal(await download(path), content);
  },
);

test('mode and owner stay as they are when none are given, and a link is followed', { skip: asRoot }, async () => {
  const { dir, path } = place('kept');
  writeFileSync(path, 'old');
  chmodSync(path, 0o604);
  chownSync(path, 3, 4);
  const link = join(dir, 'link');
  symlinkSync('file.conf', link);
  await upload({ path: link, content: 'new' });
  const { uid, gid } = statSync(path);
  assert.deepEqual([text(path), mode(path), uid, gid], ['new', '604', 3, 4]);
  assert.deepEqual(readdirSync(dir).sort(), ['file.conf', 'link']);
});

test('the undo brings back what was there before the first change of the run, or nothing', async () => {
  const { dir, path } = place('undo');
  writeFileSync(path, 'before', { mode: 0o600 });
  await upload({ path, content: 'one' });
  await upload({ path, content: 'two' });
  await restore(path);
  assert.deepEqual([text(path), mode(path)], ['before', '600']);
  await restore(path);
  assert.equal(text(path), 'before');
  const fresh = join(dir, 'fresh');
  await upload({ path: fresh, content: 'one' });
  assert.equal(mode(fresh), '644');
  await restore(fresh);
  assert.ok(!existsSync(fresh));
  // Nothing of it was done: the worker died before.
  await restore(join(dir, 'never'));
  assert.deepEqual(readdirSync(dir), ['file.conf']);
});

test('the undo of what was not begun, or was refused by the host, finds nothing to do', async () => {
  const { dir, path } = place('refused');
  for (const refused of [dir, join(dir, 'no/where')]) {
    await assert.rejects(upload({ path: refused, content: '' }), hasCode('failed', 'FILE_NOT_WRITTEN'));
    await restore(refused);
  }
  await restore(path);
  assert.deepEqual(readdirSync(dir), []);
});

test('the undo brings back mode and owner alone, too', { skip: asRoot }, async () => {
  const { path } = place('mode');
  writeFileSync(path, 'same');
  chmodSync(path, 0o604);
  await upload({ path, content: 'same', mode: 0o640, owner: 'daemon' });
  assert.deepEqual([mode(path), statSync(path).uid], ['640', 1]);
  await restore(path);
  assert.deepEqual([text(path), mode(path), statSync(path).uid], ['same', '604', 0]);
});

const day = 86_400;
/** What is kept of a file on web1, by its ending. */
const kept = (ending: string) =>
  readdirSync(lab.host('web1').journal)
    .filter((name) => name.startsWith('sumac-file_') && name.endsWith(ending))
    .map((name) => join(lab.host('web1').journal, name));
/** Lets the journal be swept as on another day. */
async function sweep(token: string): Promise<void> {
  const { journal } = lab.host('web1');
  for (const name of readdirSync(journal)) if (name.startsWith('.swept')) rmSync(join(journal, name));
  const stray = join(journal, 'stray.out');
  writeFileSync(stray, '');
  age(15, stray);
  await remote.runOnce('web1', 'true', { token });
  await until(() => !existsSync(stray));
}
const age = (days: number, ...paths: string[]) => {
  const then = Date.now() / 1000 - days * day;
  for (const path of paths) utimesSync(path, then, then);
};
const until = async (what: () => boolean) => {
  for (let i = 0; !what(); i++) {
    assert.ok(i < 600, 'did not come');
    await sleep(50);
  }
};

test('what a file held is kept for 14 days by every clock; after that the undo says so, as long as it matters', async () => {
  const { path } = place('swept');
  writeFileSync(path, 'before');
  mkdirSync(lab.host('web1').journal, { recursive: true });
  for (const file of [...kept('.was'), ...kept('.now')]) rmSync(file);
  await upload({ path, content: 'after' });
  const [was = '', now = ''] = [kept('.was')[0], kept('.now')[0]];
  age(15, was, now);
  // As of a host whose clock has jumped: by the worker's, no day has passed.
  await sweep('jumped');
  assert.deepEqual([kept('.was').length, kept('.now').length], [1, 1]);
  const [after, before, first, today] = text(now).trim().split(' ');
  writeFileSync(now, `${after} ${before} ${first} ${Number(today) - 15}\n`);
  age(399, now);
  await sweep('passed');
  await until(() => !existsSync(was));
  assert.ok(existsSync(now));
  for (let i = 0; i < 2; i++)
    await assert.rejects(restore(path), hasCode('failed', 'FILE_NOT_KEPT', /^web1: .*kept for 14 days and is gone/));
  assert.equal(text(path), 'after');
  // Somebody has put it back.
  writeFileSync(path, 'before');
  await restore(path);
  await restore(path);
  assert.deepEqual([text(path), kept('.now')], ['before', []]);
  // A file that was not there needs nothing to be kept.
  rmSync(path);
  await upload({ path, content: 'after' });
  await restore(path);
  assert.ok(!existsSync(path));
  await upload({ path, content: 'after' });
  age(401, ...kept('.now'));
  await sweep('long');
  await until(() => kept('.now').length === 0);
});

test('the undo leaves alone what somebody else has changed, and what another run has written', async () => {
  const { path } = place('foreign');
  await upload({ path, content: 'mine' });
  await restore(path, { run: 'another run' });
  assert.equal(text(path), 'mine');
  writeFileSync(path, 'theirs');
  await assert.rejects(restore(path), hasCode('failed', 'FILE_CHANGED', /^web1: .*file\.conf is left alone/));
  assert.equal(text(path), 'theirs');
});

test('a file of the worker of any size goes there and comes back, and never through the history', async () => {
  const { dir, path } = place('large');
  const bytes = randomBytes(5_000_001);
  const source = join(dir, 'source');
  writeFileSync(source, bytes);
  await upload({ path, file: source });
  assert.equal(
    createHash('sha256').update(readFileSync(path)).digest('hex'),
    createHash('sha256').update(bytes).digest('hex'),
  );
  await assert.rejects(download(path), hasCode('failed', 'FILE_TOO_LARGE', /5000001 bytes, 262144 are taken/));
  const to = join(dir, 'back');
  await files['files.fetch'].run({ hosts: ['web1'], path, to }, call());
  assert.ok(readFileSync(to).equals(bytes));
  assert.equal(mode(to), '600');
  await assert.rejects(
    files['files.fetch'].run({ hosts: ['web1'], path, to: join(dir, 'nowhere/file') }, call()),
    hasCode('failed', 'FILE_NOT_WRITTEN', /on the worker/),
  );
  assert.deepEqual(readdirSync(dir).sort(), ['back', 'file.conf', 'source']);
});

test('an empty file is a file', async () => {
  const { path } = place('empty');
  await upload({ path, content: '' });
  assert.deepEqual([text(path), await download(path)], ['', '']);
});

test('what cannot be said or done is one clear error, and changes nothing', async () => {
  const { dir, path } = place('wrong');
  await assert.rejects(upload({ path: 'etc/motd', content: '' }), hasCode('usage', 'FILE_PATH_INVALID', /etc\/motd/));
  await assert.rejects(upload({ path, content: '', mode: 644.5 }), hasCode('usage', 'FILE_MODE_INVALID'));
  await assert.rejects(upload({ path, content: '', owner: 'a b' }), hasCode('usage', 'FILE_OWNER_INVALID'));
  await assert.rejects(
    upload({ path, content: 'x'.repeat(300_000) }),
    hasCode('usage', 'CONTENT_TOO_LARGE', /300000 bytes/),
  );
  await assert.rejects(upload({ path: dir, content: '' }), hasCode('failed', 'FILE_NOT_WRITTEN', /is a directory/));
  await assert.rejects(
    upload({ path: join(dir, 'no/where'), content: '' }),
    hasCode('failed', 'FILE_NOT_WRITTEN', /does not exist/),
  );
  await assert.rejects(
    upload({ path, file: join(dir, 'none') }),
    hasCode('failed', 'FILE_UNREADABLE', /on the worker/),
  );
  await assert.rejects(
    upload({ path, content: 'x', owner: 'nobody-of-this-name' }),
    hasCode('failed', 'FILE_NOT_WRITTEN', /nobody-of-this-name/),
  );
  await assert.rejects(download(path), hasCode('failed', 'FILE_MISSING'));
  writeFileSync(join(dir, 'binary'), Buffer.from([0xff, 0xfe]));
  await assert.rejects(download(join(dir, 'binary')), hasCode('failed', 'FILE_NOT_TEXT'));
  assert.deepEqual(readdirSync(dir), ['binary']);
});

test('a host without an sftp server says what it needs', async () => {
  const { path } = place('bare');
  const poor = new Remote(bare.config);
  try {
    await assert.rejects(
      files['files.upload'].run(
        { hosts: ['bare1'], path, content: 'x' },
        callOf({ config: bare.config, remote: poor }),
      ),
      hasCode('failed', 'SFTP_UNAVAILABLE', /^bare1 has no sftp server.*Subsystem sftp internal-sftp/),
    );
  } finally {
    await poor.close();
  }
});

test('on several hosts the others have it when one fails, and the error names it', async () => {
  const { path } = place('several');
  await lab.host('web2').kill();
  await assert.rejects(
    upload({ hosts: ['web1', 'web2'], path, content: 'x' }),
    hasCode('transient', 'UNREACHABLE', /^web2 /),
  );
  await lab.host('web2').start();
  assert.equal(text(path), 'x');
});

test('a worker killed at any moment of an upload leaves the old file or the new one, and the next attempt leaves nothing else', async () => {
  const { dir, path } = place('killed');
  const source = join(dir, 'source');
  writeFileSync(path, 'old');
  writeFileSync(source, randomBytes(3_000_000));
  const wanted = readFileSync(source);
  const script = `
    import { Remote } from ${JSON.stringify(new URL('../../../src/remote/remote.ts', import.meta.url).href)};
    import { digestOf, upload } from ${JSON.stringify(new URL('../../../src/remote/files.ts', import.meta.url).href)};
    const remote = new Remote(${JSON.stringify(lab.config)});
    const source = { file: ${JSON.stringify(source)} };
    await remote.text('web1', 'true');
    process.stdout.write('ready');
    const to = { host: 'web1', path: ${JSON.stringify(path)}, run: 'killed', signal: new AbortController().signal };
    await upload(remote, to, source, await digestOf(source));
    process.stdout.write('done');
    await new Promise((resolve) => setTimeout(resolve, 60_000));`;
  let [littered, changed] = [0, 0];
  for (let i = 0; i < 8; i++) {
    const worker = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(worker, 'exit');
    await once(worker.stdout, 'data');
    await sleep(i * 25);
    worker.kill('SIGKILL');
    await exited;
    const now = readFileSync(path);
    assert.ok(now.equals(wanted) || now.equals(Buffer.from('old')), `a mixture of ${now.length} bytes`);
    if (now.equals(wanted)) changed++;
    if (readdirSync(dir).some((file) => file.startsWith('.file.conf'))) littered++;
    if (i % 2 === 1) writeFileSync(path, 'old');
  }
  await upload({ path, file: source }, { run: 'killed' });
  assert.ok(readFileSync(path).equals(wanted));
  assert.deepEqual(readdirSync(dir).sort(), ['file.conf', 'source'], `${littered} littered, ${changed} changed`);
});
