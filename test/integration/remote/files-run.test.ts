import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Going, TestCli } from '../../support/cookbook-cli.ts';
import { type LabCli, startLabCli } from '../../support/lab-cli.ts';
import type { SshLab } from '../../support/sshd.ts';

let lab: SshLab;
let cli: TestCli;
let stop: LabCli['stop'];
let worker: Going;
const file = (name: string) => join(lab.dir, name);

before(async () => {
  ({ lab, cli, stop } = await startLabCli(['web1', 'web2'], { sshd: ['Subsystem sftp internal-sftp'] }));
  mkdirSync(file('cookbooks'));
  writeFileSync(
    file('cookbooks/configure.ts'),
    `import type { Command, Spicerack } from 'sumac';
     export const title = 'Configure and apply, which fails';
     export const argumentParser = (parser: Command) => parser.argument('<directory>');
     export async function run({ directory }: { directory: string }, spicerack: Spicerack) {
       const [one, two] = (await spicerack.remote().query('web[1-2]')).split(2);
       const [old, fresh] = [directory + '/old', directory + '/fresh'];
       await spicerack.step('configure one', { write: () => one.upload(old, 'new', { mode: 0o640 }), undo: () => one.restore(old) });
       await spicerack.step('configure two', { write: () => two.upload(fresh, 'new'), undo: () => two.restore(fresh) });
       await spicerack.step('apply', {
         write: () => one.runSync('echo begun >' + directory + '/begun; while [ ! -e ' + directory + '/go ]; do sleep 0.1; done; exit 3'),
         undo: () => Promise.resolve(),
       });
     }`,
  );
  worker = await cli.worker();
});
after(() => stop());

/** A run up to where its files are changed and its last step goes on. */
async function configured(name: string) {
  const dir = file(name);
  mkdirSync(dir);
  writeFileSync(join(dir, 'old'), 'before');
  chmodSync(join(dir, 'old'), 0o604);
  const run = cli.start(['configure', dir]);
  for (let i = 0; !readdirSync(dir).includes('begun'); i++) {
    assert.ok(i < 1200, run.output + worker.output);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.deepEqual(
    ['old', 'fresh'].map((each) => readFileSync(join(dir, each), 'utf8')),
    ['new', 'new'],
  );
  return { dir, run, goOn: () => writeFileSync(join(dir, 'go'), '') };
}

test('a run that fails brings back the files it changed, by another worker than the one that died', async () => {
  const { dir, run, goOn } = await configured('restored');
  worker.kill('SIGKILL');
  await worker.ended;
  worker = await cli.worker();
  goOn();
  const { code } = await run.ended;
  assert.equal(code, 99, run.output);
  assert.equal(readFileSync(join(dir, 'old'), 'utf8'), 'before');
  assert.equal((statSync(join(dir, 'old')).mode & 0o777).toString(8), '604');
  assert.deepEqual(readdirSync(dir).sort(), ['begun', 'go', 'old']);
  for (const { journal } of lab.hosts)
    assert.deepEqual(
      readdirSync(journal).filter((name) => name.startsWith('sumac-file')),
      [],
    );
});

test('what cannot be brought back, as what was kept is gone, is told as not undone', async () => {
  const { dir, run, goOn } = await configured('gone');
  const { journal } = lab.host('web1');
  for (const name of readdirSync(journal)) if (name.endsWith('.was')) rmSync(join(journal, name));
  goOn();
  const { code } = await run.ended;
  assert.equal(code, 93, run.output);
  assert.match(run.output, /not undone.*configure one.*web1: .*old is as this run wrote it: what it held before/is);
  assert.equal(readFileSync(join(dir, 'old'), 'utf8'), 'new');
  assert.deepEqual(readdirSync(dir).sort(), ['begun', 'go', 'old']);
});
