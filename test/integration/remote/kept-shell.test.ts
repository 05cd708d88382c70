import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isOpsError } from '../../../src/model/errors.ts';
import { Notes, attemptsAt } from '../../../src/remote/journal.ts';
import type { Remote } from '../../../src/remote/remote.ts';
import { shells as journalShells } from '../../support/journal.ts';
import { type SshLab, startSshLab } from '../../support/sshd.ts';
import { waitFor } from '../../support/wait-for.ts';

const skip = process.getuid?.() === 0 ? false : 'sshd needs root';
let lab: SshLab;
before(async () => {
  if (!skip) lab = await startSshLab(['alpha', 'beta', 'gamma']);
});
after(() => skip || lab.close());

let tokens = 0;
const once = async (remote: Remote, host: string, command: string, token = `kept${tokens++}`) => {
  const { exitCode, capture } = await remote.runOnce(host, command, { token });
  return [exitCode, capture.output(1_000_000).text];
};
/** The kept shells on a host, found by the journal in their environment. */
const shells = (host = 'alpha') =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        // An attempt is a copy of its shell.
        return (
          isKept(pid) &&
          !isKept(parentOf(pid)) &&
          readFileSync(`/proc/${pid}/environ`, 'utf8').includes(lab.host(host).journal)
        );
      } catch {
        return false;
      }
    });
const isKept = (pid: number) => /^sh\0-c\0[^]*while read -r lines/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
const parentOf = (pid: number) => Number(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '').split(' ')[1]);
const childrenOf = (pid: number) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);

test('one attempt has a channel of its own; those that follow share a shell', { skip }, async () => {
  const remote = lab.remote();
  await once(remote, 'alpha', 'true');
  assert.deepEqual(shells(), []);
  await once(remote, 'alpha', 'true');
  const [shell, ...others] = shells();
  assert.ok(shell !== undefined && others.length === 0);
  for (let i = 0; i < 5; i++) assert.deepEqual(await once(remote, 'alpha', `echo ${i}; exit ${i}`), [i, `${i}\n`]);
  assert.deepEqual(shells(), [shell]);
  await remote.close();
  await waitFor(() => shells().length === 0);
});

test('what a command is and says comes through unchanged', { skip }, async () => {
  const remote = lab.remote();
  await once(remote, 'alpha', 'true');
  const texts = [
    `printf '%s\\n' * 'a  b' "c\\d" | head -n 1; echo "\n\n  'two lines' \\\n on"\n\n`,
    `printf '\\036over 0123456789abcdef'`,
    `printf '\\036over 0123456789abcdef0123456789abcdef\\n\\036'; printf '\\036here\\n' >&2`,
    'head -c 300000 /dev/zero | tr "\\0" x',
    'here',
    'exit 7',
    'exec 2>/dev/null; sh -c "kill -USR1 \\$\\$; echo survived" 2>/dev/null; echo $?',
    '# nothing',
    'umask; ulimit -c; set -o | grep posix; echo $-; echo "$0 $# $SHLVL"; cat; pwd',
    `for i in 1 2 3; do printf '\\036'; sleep 0.2; done; echo é €`,
  ];
  for (const [i, text] of texts.entries()) {
    const [kept, alone] = [await once(remote, 'alpha', text), await once(lab.remote(), 'alpha', text)];
    assert.deepEqual(kept, alone, `text ${i}`);
  }
  assert.equal(shells().length, 1);
  await remote.close();
});

test('commands at the same time, of any kind, do not wait for each other', { skip }, async () => {
  const remote = lab.remote({ max_channels: 2 });
  await once(remote, 'alpha', 'true');
  await once(remote, 'alpha', 'true');
  const all = await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      i % 3 === 0
        ? remote.run('alpha', `echo ${i}`).then(({ capture }) => [0, capture.output(100).text])
        : once(remote, 'alpha', `echo ${i}`),
    ),
  );
  assert.deepEqual(
    all,
    Array.from({ length: 12 }, (_, i) => [0, `${i}\n`]),
  );
  const [local, path] = [join(lab.dir, 'local'), join(lab.dir, 'file')];
  writeFileSync(local, 'sent');
  await remote.run('alpha', 'sleep 0.1');
  assert.deepEqual(await once(remote, 'alpha', `echo sent >${path}; cat ${path}`), [0, 'sent\n']);
  await remote.close();
});

test('an attempt that is killed, or its shell, is made again and finds the command', { skip }, async () => {
  const remote = lab.remote();
  await once(remote, 'beta', 'true');
  await once(remote, 'beta', 'true');
  for (const who of ['attempt', 'shell']) {
    const [began, go] = [join(lab.dir, `${who}.began`), join(lab.dir, `${who}.go`)];
    const command = `echo x >>${began}; until [ -e ${go} ]; do sleep 0.1; done; echo went on`;
    const first = assert.rejects(once(remote, 'beta', command, who), (error) => {
      assert.ok(isOpsError(error));
      assert.deepEqual([error.kind, error.code], ['transient', 'CONNECTION_LOST']);
      return true;
    });
    await waitFor(() => existsSync(began));
    const [shell = 0] = shells('beta');
    process.kill(who === 'shell' ? shell : (childrenOf(shell)[0] ?? 0), 'SIGKILL');
    await first;
    writeFileSync(go, '');
    assert.deepEqual(await once(remote, 'beta', command, who), [0, 'went on\n']);
    assert.equal(readFileSync(began, 'utf8'), 'x\n');
  }
});

test(
  'output that was being passed on by who is killed is not taken for whole, and not for the next command´s',
  { skip },
  async () => {
    const remote = lab.remote();
    await once(remote, 'beta', 'true');
    await once(remote, 'beta', 'true');
    const all = 30_000_000;
    const command = `head -c ${all} /dev/zero`;
    for (const who of ['attempt', 'cat', 'shell']) {
      const begun = Promise.withResolvers<void>();
      const go = Promise.withResolvers<void>();
      const onOutput = () => {
        begun.resolve();
        return go.promise;
      };
      const first = remote.runOnce('beta', command, { token: `cut ${who}`, onOutput });
      const lost = assert.rejects(first, (error) => isOpsError(error) && error.code === 'CONNECTION_LOST');
      await begun.promise;
      const [shell = 0] = shells('beta');
      const [attempt = 0] = childrenOf(shell);
      await waitFor(() => childrenOf(attempt).some(isCat));
      process.kill({ attempt, shell, cat: childrenOf(attempt).find(isCat) ?? 0 }[who] ?? 0, 'SIGKILL');
      await sleep(1500);
      go.resolve();
      await lost;
      for (const word of ['next', 'other'])
        assert.deepEqual(await once(remote, 'beta', `echo ${word}`), [0, `${word}\n`]);
      const { capture } = await remote.runOnce('beta', command, { token: `cut ${who}` });
      assert.equal(capture.total, all);
      await once(remote, 'beta', 'true');
    }
  },
);

const isCat = (pid: number) => existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/comm`, 'utf8') === 'cat\n';

test(
  'who gives up while the shell is asked takes it from nobody, and no connection stays for it',
  { skip },
  async () => {
    const remote = lab.remote({}, {}, { idleMs: 500 });
    await once(remote, 'gamma', 'true');
    await once(remote, 'gamma', 'true');
    const [shell = 0] = shells('gamma');
    process.kill(shell, 'SIGSTOP');
    const controller = new AbortController();
    const given = assert.rejects(remote.runOnce('gamma', 'true', { token: 'given up', signal: controller.signal }), {
      message: 'CANCELLED',
    });
    await sleep(200);
    controller.abort(new Error('CANCELLED'));
    await given;
    process.kill(shell, 'SIGCONT');
    const login = parentOf(shell);
    await waitFor(() => !existsSync(`/proc/${shell}`) && !existsSync(`/proc/${login}`));
  },
);

test('a host of one session lends it to files too', { skip }, async () => {
  const narrow = await startSshLab(['delta'], ['MaxSessions 1', 'Subsystem sftp internal-sftp']);
  const remote = narrow.remote();
  try {
    const { signal } = new AbortController();
    const root = () =>
      remote.sftp('delta', { signal }, (sftp) => new Promise((done) => sftp.realpath('/', (_, path) => done(path))));
    for (let i = 0; i < 3; i++) assert.deepEqual(await once(remote, 'delta', `echo ${i}`), [0, `${i}\n`]);
    // Now and then the host still counts the session that has just ended.
    for (let i = 0; i < 30; i++) {
      assert.equal(await root(), '/');
      assert.equal((await remote.run('delta', 'exit 3')).exitCode, 3);
    }
    assert.deepEqual(await once(remote, 'delta', 'echo after'), [0, 'after\n']);
  } finally {
    await narrow.close();
  }
});

test('a command with a NUL in it is refused', { skip }, async () => {
  await assert.rejects(
    once(lab.remote(), 'alpha', 'echo a\0b'),
    (error) => isOpsError(error) && error.code === 'COMMAND_INVALID',
  );
});

test('lines that wait before the shell listens do it no harm', { skip }, async () => {
  for (let i = 0; i < 40; i++) {
    const { kept } = attemptsAt({ entry: `early${i}`, command: 'exit 5', shell: {} });
    assert.ok(kept);
    const child = spawn('setsid', ['sh', '-c', kept.start('end')], {
      env: { ...process.env, SUMAC_JOURNAL: join(lab.dir, 'early') },
    });
    let notes = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (notes += text));
    child.stdout.resume();
    child.stdin.write('\n\n\n\n');
    await waitFor(() => notes.includes('over end'));
    child.stdin.end();
    assert.match(notes, /exit 5 /);
  }
});

test('a shell that hangs is left alone: the command gets a channel of its own', { skip }, async () => {
  const remote = lab.remote();
  await once(remote, 'gamma', 'true');
  await once(remote, 'gamma', 'true');
  const [shell = 0] = shells('gamma');
  process.kill(shell, 'SIGSTOP');
  assert.deepEqual(await once(remote, 'gamma', 'echo other'), [0, 'other\n']);
  process.kill(shell, 'SIGCONT');
  await waitFor(() => !existsSync(`/proc/${shell}`));
});

test('a connection that is dead is left before anything is sent', { skip }, async () => {
  const remote = lab.remote();
  await once(remote, 'gamma', 'true');
  await once(remote, 'gamma', 'true');
  lab.host('gamma').cut();
  assert.deepEqual(await once(remote, 'gamma', 'echo new'), [0, 'new\n']);
  await remote.close();
});

for (const [name, shell] of Object.entries(journalShells))
  test(`where sh is ${name} a command has its process group all the same, and output comes while it runs`, async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sumac-kept-'));
    const bin = join(dir, 'bin');
    mkdirSync(bin);
    const programs = ['cat', 'tee', 'sleep', 'setsid', 'mkdir', 'rm', 'head', 'wc', 'id', 'find', 'grep'];
    for (const program of programs) {
      const path = execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
      symlinkSync(path, join(bin, program));
    }
    symlinkSync(shell, join(bin, 'sh'));
    const env = { PATH: bin, HOME: dir, SHELL: '/bin/sh', SUMAC_JOURNAL: join(dir, 'journal') };
    const of = (i: number, command = `echo ${i}; exit ${i}`) => {
      const { kept } = attemptsAt({ entry: `entry${i}`, command, shell: {} });
      assert.ok(kept);
      return kept;
    };
    const child = spawn('/bin/sh', ['-c', of(0).start('end0')], { env });
    const said = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
    try {
      for (let i = 0; i < 4; i++) {
        if (i > 0) child.stdin.write(`here\n${of(i).next(`end${i}`)}`);
        await waitFor(() => Object.values(said).every((text) => text.includes(`\x1eover end${i}\n`)));
        const notes = new Notes();
        notes.push(said.err);
        assert.partialDeepStrictEqual(notes.verdict, { is: 'exit', code: i });
        const [, , , , group] = /^start (\S+) (\d+) (\d+) (\d+)/.exec(entry(dir, i)) ?? [];
        assert.notEqual(Number(group), child.pid);
      }
      const [mark, over] = ['\x1esumac\x1e\n', (i: number) => `\x1eover end${i}\n`];
      assert.ok(said.out.startsWith(`${mark}0\n${over(0)}${mark}1\n${over(1)}`));
      const go = join(dir, 'go');
      child.stdin.write(of(4, `echo early; until [ -e ${go} ]; do sleep 0.1; done`).next('end4'));
      await waitFor(() => {
        child.stdin.write('\n');
        return said.out.endsWith('early\n');
      });
      writeFileSync(go, '');
      await waitFor(() => said.out.endsWith(over(4)));
    } finally {
      child.stdin.end();
      await waitFor(() => child.exitCode !== null);
      rmSync(dir, { recursive: true });
    }
  });

const entry = (dir: string, i: number) => readFileSync(join(dir, 'journal', `entry${i}.run`), 'utf8');
