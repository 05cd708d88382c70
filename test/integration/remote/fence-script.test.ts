import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fenceFile, type HostFence } from '../../../src/remote/fence.ts';
import { TestJournal, shells, waitFor } from '../../support/journal.ts';

const under = (number: number | string, name = 'x'): { fences: HostFence[] } => ({
  fences: [
    { lock: `/spicerack/locks/custom/${name}`, holder: `/spicerack/locks/custom/${name}/run`, number: String(number) },
  ],
});

for (const [name, path] of Object.entries(shells))
  describe(`fencing under ${name}`, { skip: existsSync(path) ? false : `${path} is not installed` }, () => {
    let journal: TestJournal;
    before(() => {
      journal = new TestJournal(name as keyof typeof shells, true);
    });
    after(() => journal.close());
    const file = (lock = 'x') => join(journal.dir, 'journal', `${fenceFile(`/spicerack/locks/custom/${lock}`)}.lock`);
    const numbers = (lock?: string) => readFileSync(file(lock), 'utf8').split('\n').filter(Boolean).map(Number);

    test('a command under a lower number than the highest seen is refused, and never runs', async () => {
      const { count, runs } = journal.counter('a');
      assert.partialDeepStrictEqual((await journal.run('a1', count, under(7))).verdict, { is: 'exit', code: 0 });
      assert.partialDeepStrictEqual((await journal.run('a2', count, under(7))).verdict, { is: 'exit', code: 0 });
      assert.partialDeepStrictEqual((await journal.run('a3', count, under(10))).verdict, { is: 'exit', code: 0 });
      const { verdict } = await journal.run('a4', count, under(9));
      assert.deepEqual(verdict, {
        is: 'fenced',
        lock: fenceFile('/spicerack/locks/custom/x'),
        seen: '10',
        path: file(),
      });
      assert.equal(runs(), 3);
      assert.ok(!existsSync(journal.entryFile('a4', 'run')));
      assert.deepEqual(numbers(), [7, 10]);
    });

    test('what an earlier attempt has started is attached to, whoever holds the lock now', async () => {
      const first = journal.attempt('b1', 'echo one; sleep 1; echo two', under(20, 'b'));
      await waitFor(() => first.output().includes('one'));
      await journal.run('b2', 'true', under(21, 'b'));
      const again = await journal.run('b1', 'echo one; sleep 1; echo two', under(20, 'b'));
      assert.equal(again.output, 'one\ntwo\n');
      await first.ended;
    });

    test('each lock has numbers of its own, and any of them refuses', async () => {
      const both = { fences: [...under(5, 'c').fences, ...under(5, 'd').fences] };
      assert.equal((await journal.run('c1', 'true', both)).verdict?.is, 'exit');
      assert.equal((await journal.run('c2', 'true', under(6, 'd'))).verdict?.is, 'exit');
      assert.equal((await journal.run('c3', 'true', both)).verdict?.is, 'fenced');
      assert.equal((await journal.run('c4', 'true', under(5, 'c'))).verdict?.is, 'exit');
      assert.equal((await journal.run('c5', 'true')).verdict?.is, 'exit', 'without a lock nothing is asked');
    });

    test('numbers of 19 digits are compared as numbers; what a full disk left of one counts for nothing', async () => {
      appendFileSync(file('e'), '\n9223372036854775806\n\n92233720368547\n\nno number\n');
      assert.equal((await journal.run('e1', 'true', under('9223372036854775805', 'e'))).verdict?.is, 'fenced');
      assert.equal((await journal.run('e2', 'true', under('9223372036854775807', 'e'))).verdict?.is, 'exit');
    });

    test('the file stays short, and keeps the highest, however many come at once', { timeout: 120_000 }, async () => {
      writeFileSync(file('f'), Array.from({ length: 120 }, (_, i) => `\n${i + 1}\n`).join(''));
      const all = Array.from({ length: 12 }, (_, i) => journal.run(`f${i}`, 'true', under(130 + i, 'f')));
      const verdicts = (await Promise.all(all)).map(({ verdict }) => verdict?.is);
      assert.equal(verdicts.at(-1), 'exit', 'the highest is never refused');
      assert.equal(Math.max(...numbers('f')), 141);
      assert.ok(numbers('f').length < 100);
      assert.equal((await journal.run('f-late', 'true', under(140, 'f'))).verdict?.is, 'fenced');
      assert.deepEqual(
        readdirSync(join(journal.dir, 'journal')).filter((one) => one.includes('.lock.')),
        [],
      );
    });

    test('numbers of which nothing was heard for 14 days are swept', async () => {
      await journal.run('g1', 'true', under(3, 'g'));
      const old = Date.now() / 1000 - 15 * 86_400;
      utimesSync(file('g'), old, old);
      const swept = readdirSync(join(journal.dir, 'journal')).filter((one) => one.startsWith('.swept'));
      for (const one of swept) rmSync(join(journal.dir, 'journal', one));
      await journal.run('g2', 'true');
      await waitFor(() => !existsSync(file('g')));
      assert.ok(existsSync(file('f')), 'others stay');
    });
  });
