/** What a host may do to its journal: full disks, homes nobody may write, clocks that jump, time that passes. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
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
import { after, before, describe, test } from 'node:test';
import { TestJournal, attemptLine, killGroup, shells, waitFor } from '../../support/journal.ts';

const asRoot = process.getuid?.() === 0 ? false : 'needs root';
const today = Math.floor(Date.now() / 86_400_000);

describe('the journal of a host', { concurrency: 3 }, () => {
  for (const [name, path] of Object.entries(shells))
    describe(`under ${name}`, { skip: existsSync(path) ? false : `${path} is not installed`, concurrency: 1 }, () =>
      worldTests(name as keyof typeof shells),
    );
});

function worldTests(shell: keyof typeof shells): void {
  let journal: TestJournal;
  before(() => void (journal = new TestJournal(shell, true)));
  after(() => journal.close());
  const path = () => journal.env['SUMAC_JOURNAL'] ?? '';

  describe('a token that another command had', () => {
    test('is refused: nothing is started, nothing of the other one is shown or touched', async () => {
      const { count, runs } = journal.counter('reuse');
      const command = `${count} echo secret; exit 3`;
      assert.partialDeepStrictEqual(await journal.run('reuse', command), { verdict: { is: 'exit', code: 3 } });
      const others = [
        await journal.run('reuse', `${command} `),
        await journal.run('reuse', command, { shell: { env: { A: 'b' } } }),
        await journal.run('reuse', command, { stdin: '' }),
      ];
      for (const { verdict, output } of others) assert.deepEqual([verdict, output], [{ is: 'reused' }, '']);
      assert.partialDeepStrictEqual((await journal.run('reuse', command)).verdict, { is: 'exit', code: 3 });
      assert.equal(runs(), 1);
    });

    test('is refused while the other one runs, and that one goes on', async () => {
      const { count, runs } = journal.counter('busy');
      const command = `${count} echo begun; sleep 1; echo done`;
      const first = journal.attempt('busy', command);
      await waitFor(() => first.output().includes('begun'));
      assert.deepEqual((await journal.run('busy', `${count} echo`)).verdict, { is: 'reused' });
      assert.partialDeepStrictEqual(await first.ended, { verdict: { is: 'exit', code: 0 }, output: 'begun\ndone\n' });
      assert.equal(runs(), 1);
    });

    test('is refused for other input of the same length, which the journal does not keep', async () => {
      const command = 'wc -c';
      assert.partialDeepStrictEqual(await journal.run('input', command, { stdin: 'the first one' }), {
        verdict: { is: 'exit', code: 0 },
      });
      assert.deepEqual((await journal.run('input', command, { stdin: 'another one..' })).verdict, { is: 'reused' });
      assert.partialDeepStrictEqual((await journal.run('input', command, { stdin: 'the first one' })).verdict, {
        is: 'exit',
      });
      for (const file of readdirSync(path())) assert.ok(!readFileSync(join(path(), file), 'utf8').includes('first'));
    });

    test('is refused when only the user differs, whose journal is elsewhere', async () => {
      // What sudo(8) does as far as the journal sees it: the same session, another home, another journal.
      writeFileSync(
        join(journal.dir, 'bin/sudo'),
        `#!${join(journal.dir, 'bin/sh')}\nwhile [ "$1" != -- ]; do shift; done\nshift\nSUMAC_JOURNAL=${journal.dir}/root exec "$@"\n`,
        { mode: 0o755 },
      );
      const { count, runs } = journal.counter('sudo');
      const sudo = { shell: { sudo: true } };
      assert.partialDeepStrictEqual((await journal.run('sudo1', count, sudo)).verdict, { is: 'exit', code: 0 });
      assert.ok(existsSync(join(journal.dir, 'root/sudo1.run')) && !existsSync(join(path(), 'sudo1.run')));
      assert.deepEqual((await journal.run('sudo1', count)).verdict, { is: 'reused' });
      assert.deepEqual((await journal.run('sudo1', count, { shell: { user: 'backup' } })).verdict, { is: 'reused' });
      assert.partialDeepStrictEqual((await journal.run('sudo1', count, sudo)).verdict, { is: 'exit', code: 0 });
      assert.equal(runs(), 1);
      await journal.run('sudo2', count);
      assert.deepEqual((await journal.run('sudo2', count, sudo)).verdict, { is: 'reused' });
      assert.equal(runs(), 2);
    });
  });

  describe('on a disk that is full', { skip: asRoot }, () => {
    const disk = () => join(journal.dir, 'journal/disk');
    let usual: string;
    before(() => {
      mkdirSync(disk(), { recursive: true });
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,nr_inodes=40', 'sumac-test', disk()]);
      usual = path();
      journal.env['SUMAC_JOURNAL'] = disk();
    });
    after(() => {
      journal.env['SUMAC_JOURNAL'] = usual;
      execFileSync('umount', ['-l', disk()]);
    });
    const fill = () => {
      try {
        writeFileSync(join(disk(), 'filler'), Buffer.alloc(100_000));
      } catch {
        // That is what it is for.
      }
    };

    test('a command is not started, and it says why', async () => {
      const { count, runs } = journal.counter('full');
      fill();
      for (const stdin of [undefined, 'input']) {
        const { verdict, said } = await journal.run('full', count, { stdin });
        assert.deepEqual(verdict, { is: 'unwritable' }, said);
        // Only busybox does not say why.
        if (shell !== 'busybox') assert.match(said, /No space left|I\/O error/);
      }
      rmSync(join(disk(), 'filler'));
      assert.equal(runs(), 0);
      // Refused is not started: the next attempt is the first one.
      assert.partialDeepStrictEqual((await journal.run('full', count)).verdict, { is: 'exit', code: 0 });
      assert.equal(runs(), 1);
    });

    test('a command whose input does not fit is not started', async () => {
      const { count, runs } = journal.counter('large');
      const { verdict } = await journal.run('large', count, { stdin: Buffer.alloc(80_000) });
      assert.deepEqual([verdict, runs()], [{ is: 'unwritable' }, 0]);
    });

    test('a command is not started when there is no inode for its entry', async () => {
      const { count, runs } = journal.counter('inodes');
      for (let i = 0; i < 40; i++)
        try {
          writeFileSync(join(disk(), `inode${i}`), '');
        } catch {
          break;
        }
      const { verdict } = await journal.run('inodes', count);
      assert.deepEqual([verdict, runs()], [{ is: 'unwritable' }, 0]);
      for (const file of readdirSync(disk()).filter((each) => each.startsWith('inode'))) rmSync(join(disk(), file));
    });

    test('a command that fills it goes on, its output is cut, how it ended is known', async () => {
      const { count, runs } = journal.counter('fills');
      const command = `${count} head -c 300000 /dev/zero | tr '\\0' x; ${count} echo end; exit 7`;
      for (let attempts = 0; attempts < 2; attempts++) {
        const { verdict, output, notes } = await journal.run('fills', command);
        assert.partialDeepStrictEqual(verdict, { is: 'exit', code: 7 });
        assert.ok(notes.full && output.length > 0 && output.length < 65_536, `${output.length}`);
      }
      assert.equal(runs(), 2);
      rmSync(join(disk(), 'fills.out'));
    });

    test('a command under which it fills is found again, ended when asked, and told as ended', async () => {
      const first = journal.attempt('under', 'echo begun; sleep 60');
      await waitFor(() => first.output().includes('begun'));
      await journal.kill(first);
      fill();
      assert.partialDeepStrictEqual(await journal.end('under'), {
        verdict: { is: 'exit', code: 143, ended: 'cancelled' },
      });
      assert.partialDeepStrictEqual((await journal.run('under', 'echo begun; sleep 60')).verdict, {
        is: 'exit',
        code: 143,
        ended: 'cancelled',
      });
      rmSync(join(disk(), 'filler'));
    });
  });

  describe('of a user without rights', { skip: asRoot }, () => {
    const uid = 65_534;
    const spare = `/var/tmp/sumac-test${process.pid}${shell}`;
    let usual: Record<string, string>;
    before(() => {
      usual = { ...journal.env };
      delete journal.env['SUMAC_JOURNAL'];
      journal.env['LOGNAME'] = spare.slice('/var/tmp/sumac-'.length);
      journal.uid = uid;
    });
    after(() => {
      Object.assign(journal.env, usual);
      journal.uid = undefined;
      rmSync(spare, { recursive: true, force: true });
    });
    const home = (name: string, mine: boolean) => {
      const dir = join(journal.dir, name);
      mkdirSync(dir, { mode: 0o755 });
      if (mine) chownSync(dir, uid, uid);
      journal.env['HOME'] = dir;
      return dir;
    };
    const exits = (code: number) => ({ verdict: { is: 'exit', code }, output: '65534\n' });

    test('is in their home, for nobody else', async () => {
      const dir = home('home1', true);
      const command = 'id -u; exit 4';
      assert.partialDeepStrictEqual(await journal.run('user', command), exits(4));
      assert.partialDeepStrictEqual(await journal.run('user', command), exits(4));
      assert.equal(statSync(join(dir, '.sumac/journal')).mode & 0o777, 0o700);
      assert.ok(existsSync(join(dir, '.sumac/journal/user.run')) && !existsSync(spare));
    });

    test('is in /var/tmp when their home cannot be written or is not known, and stays there for its commands', async () => {
      const counter = join(journal.dir, 'home-counter');
      writeFileSync(counter, '');
      chmodSync(counter, 0o666);
      const command = `echo x >>${counter}; id -u`;
      const dir = home('home2', false);
      assert.partialDeepStrictEqual(await journal.run('spare', command), exits(0));
      delete journal.env['HOME'];
      assert.partialDeepStrictEqual(await journal.run('spare', command), exits(0));
      assert.equal(statSync(spare).mode & 0o777, 0o700);
      chownSync(dir, uid, uid);
      journal.env['HOME'] = dir;
      assert.partialDeepStrictEqual(await journal.run('spare', command), exits(0));
      assert.equal(readFileSync(counter, 'utf8'), 'x\n');
      assert.ok(!existsSync(join(dir, '.sumac/journal/spare.run')));
    });

    test('is not what somebody else has laid there for them, and then nothing is started', async () => {
      home('home3', false);
      for (const lay of [
        () => mkdirSync(spare, { mode: 0o777 }),
        () => {
          mkdirSync(join(journal.dir, 'trap'));
          chownSync(join(journal.dir, 'trap'), uid, uid);
          symlinkSync(join(journal.dir, 'trap'), spare);
        },
      ]) {
        rmSync(spare, { recursive: true, force: true });
        lay();
        const { verdict, said } = await journal.run('laid', 'id -u');
        assert.deepEqual(verdict, { is: 'unwritable' });
        assert.match(said, /neither the home directory nor \/var\/tmp can be written/);
      }
    });
  });

  describe('in time', () => {
    const days = (count: number) => new Date(Date.now() - count * 86_400_000);
    const entry = (name: string, run: string, daysAgo: number) => {
      for (const kind of ['run', 'out', 'as']) {
        writeFileSync(journal.entryFile(name, kind), kind === 'run' ? run : 'x\n');
        utimesSync(journal.entryFile(name, kind), days(daysAgo), days(daysAgo));
      }
    };
    const start = (day: number, boot = 'boot-0') => `start ${boot} 1 1 1 digest - ${day}\n`;
    const there = (name: string) => readdirSync(path()).filter((file) => file.startsWith(`${name}.`)).length;
    const sweep = async () => {
      for (const file of readdirSync(path()).filter((each) => each.startsWith('.swept'))) rmSync(join(path(), file));
      await journal.run(`sweep${Math.random()}`, 'true');
    };

    test('old entries go once a day with all that is theirs, those of commands that still run stay', async () => {
      const running = journal.attempt('running', 'echo begun; sleep 60');
      await waitFor(() => running.output().includes('begun'));
      for (const kind of ['run', 'out']) utimesSync(journal.entryFile('running', kind), days(20), days(20));
      entry('old', `${start(today - 20)}exit 0 1.00\n`, 20);
      entry('lost', start(today - 20), 20);
      entry('never', `end cancelled ${today - 20}\nexit 143 1.00\n`, 20);
      entry('new', `${start(today - 13)}exit 0 1.00\n`, 13);
      for (const orphan of ['orphan.out', 'orphan.in.4711']) {
        writeFileSync(join(path(), orphan), 'x');
        utimesSync(join(path(), orphan), days(20), days(20));
      }
      await sweep();
      await waitFor(() => ['old', 'lost', 'never', 'orphan'].every((name) => there(name) === 0));
      assert.deepEqual([there('running'), there('new')], [2, 3]);
      killGroup(journal.groupOf('running'));
      await running.ended;
    });

    test('a clock that jumps a month takes no entry away: the worker´s, the host´s, both while the host is up', async () => {
      entry('worker-jumped', `${start(today - 40)}exit 0 1.00\n`, 1);
      entry('host-jumped', `${start(today - 1)}exit 0 1.00\n`, 40);
      entry('host-behind', `${start(today)}exit 0 1.00\n`, -40);
      const uptime = readFileSync('/proc/uptime', 'utf8').split(' ')[0] ?? '';
      entry('both-jumped', `${start(today - 40, 'boot-1')}exit 0 ${uptime}\n`, 40);
      entry('old', `${start(today - 20)}exit 0 1.00\n`, 20);
      await sweep();
      await waitFor(() => there('old') === 0);
      for (const name of ['worker-jumped', 'host-jumped', 'host-behind', 'both-jumped'])
        assert.equal(there(name), 3, name);
    });

    test('of thousands a thousand go at a time, and the rest with the next commands', async () => {
      const names = Array.from({ length: 2500 }, (_, i) => `many${i}`);
      for (const name of names) entry(name, `${start(today - 20)}exit 0 1.00\n`, 20);
      const left = () => readdirSync(path()).filter((file) => /^many.*\.run$/.test(file)).length;
      await sweep();
      // A few that have to stay are among those looked at.
      for (const most of [1600, 700, 0]) {
        await waitFor(() => left() <= most);
        assert.ok(most === 0 || left() > 0);
        await waitFor(() => left() === 0 || !readdirSync(path()).some((file) => file.startsWith('.swept')));
        await journal.run(`next${most}`, 'true');
      }
      await waitFor(() => !readdirSync(path()).some((file) => file.startsWith('many')));
    });

    test('a command that may have been started before any entry was swept is not started again', async () => {
      const { count, runs } = journal.counter('forgotten');
      const beyond = Number(readFileSync('/proc/uptime', 'utf8').split('.')[0]) > 1_300_000;
      const { verdict } = await journal.run('forgotten', count, { sinceSeconds: 1_300_000 });
      assert.deepEqual([verdict, runs()], [{ is: beyond ? 'forgotten' : 'rebooted' }, 0]);
    });

    test(
      'a host that is up for weeks and whose entry is gone says so',
      { skip: shell === 'busybox' ? 'its root has no unshare with time namespaces' : asRoot },
      async () => {
        const { count, runs } = journal.counter('weeks');
        const usual = journal.env['PATH'];
        writeFileSync(
          join(journal.dir, 'bin/up'),
          `#!/bin/sh\nexec unshare --time --boottime 2000000 -- ${shells[shell]} -c "$1"\n`,
          { mode: 0o755 },
        );
        rmSync(join(journal.dir, 'bin/sh'));
        symlinkSync(shells[shell], join(journal.dir, 'bin/sh'));
        journal.env['PATH'] = usual ?? '';
        const line = attemptLine({ entry: 'weeks', command: count, sinceSeconds: 1_300_000 });
        const { verdict } = await journal.start(`exec up '${line.replaceAll("'", `'\\''`)}'`).ended;
        assert.deepEqual([verdict, runs()], [{ is: 'forgotten' }, 0]);
      },
    );
  });

  describe('when a command is ended', () => {
    test('what has left its process group is named, not killed', async () => {
      const daemon = 'setsid sleep 4242 >/dev/null 2>&1 </dev/null &';
      const one = journal.attempt('daemon', `${daemon} echo begun; sleep 60`);
      await waitFor(() => one.output().includes('begun'));
      for (let times = 0; times < 2; times++) {
        const { verdict, notes } = await journal.end('daemon');
        assert.partialDeepStrictEqual(verdict, { is: 'exit', ended: 'cancelled' });
        assert.match(notes.left ?? '', /^\d+:(sleep|busybox)$/);
        process.kill(Number(notes.left?.split(':')[0]), 0);
      }
      process.kill(Number((await journal.end('daemon')).notes.left?.split(':')[0]), 'SIGKILL');
      assert.equal((await journal.end('daemon')).notes.left, undefined);
    });

    test('a command whose runner was killed is ended all the same, by the mark of its processes', async () => {
      const one = journal.attempt('orphaned', 'echo begun; sleep 4343; true');
      await waitFor(() => one.output().includes('begun'));
      const [, runner = ''] =
        /^start boot-1 (\d+)/.exec(readFileSync(journal.entryFile('orphaned', 'run'), 'utf8')) ?? [];
      process.kill(Number(runner), 'SIGKILL');
      await journal.kill(one);
      assert.deepEqual((await journal.run('orphaned', 'echo begun; sleep 4343; true')).verdict, { is: 'lost' });
      assert.partialDeepStrictEqual(await journal.end('orphaned'), { verdict: { is: 'exit', ended: 'cancelled' } });
      assert.throws(() => process.kill(-journal.groupOf('orphaned'), 0));
    });
  });
}
