import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';
import { testCli, type TestCli } from '../../support/cookbook-cli.ts';
import { startSshLab, type SshLab } from '../../support/sshd.ts';
import { startTemporal, type TemporalServer } from '../../support/temporal.ts';
import { type Case, cases } from './cases.ts';
import { differences, type Seen } from './differences.ts';
import { type Program, cuminOn, execOn } from './programs.ts';

process.env['PATH'] = [process.env['PATH'], join(import.meta.dirname, '../../../.dev/venv/bin')].join(delimiter);
const skip = hasCumin() ? false : 'cumin is missing: scripts/install test';
const lanes = 2;
/** As long as what a shortened command ends in, so that the two programs name it alike. */
const traces = 'traces-of-the-cases';

let lab: SshLab;
let server: TemporalServer;
let cli: TestCli;
const seen = new Map(cases.map((one) => [one, Promise.withResolvers<{ cumin: Seen; exec: Seen }>()]));

before(async () => {
  if (skip !== false) return;
  [lab, server] = await Promise.all([
    startSshLab(Array.from({ length: 20 }, (_, i) => `host${i + 1}`)),
    startTemporal(),
  ]);
  await lab.host('host20').kill();
  for (const program of ['cumin', 'exec']) mkdirSync(join(lab.dir, program, traces), { recursive: true });
  cli = testCli(`\
cookbooks_base_dirs: [DIRECTORY]
logs_base_dir: DIRECTORY/logs
state_dir: DIRECTORY/state
temporal: { address: '${server.address}' }
aliases_file: ${lab.dir}/aliases.yaml
ssh: { config_file: ${lab.sshConfig}, identity_files: [${lab.key}], known_hosts: [${lab.knownHosts}], agent: false }
`);
  await cli.worker();
  const programs = { cumin: cuminOn(lab, 'few: D{host[1-4]}\n'), exec: execOn(cli) };
  for (const isSlow of [true, undefined]) {
    const queue = cases.filter(({ slow }) => slow === isSlow);
    for (let lane = 0; lane < lanes; lane++) void work(queue, programs);
  }
});
after(async () => {
  if (skip !== false) return;
  await cli.stop();
  await server.stop();
  await lab.close();
});

async function work(queue: Case[], programs: Record<'cumin' | 'exec', Program>): Promise<void> {
  for (let next = queue.shift(); next; next = queue.shift()) {
    const one = next;
    const { args } = one;
    const trace = (program: string) => join(lab.dir, program, traces, String(cases.indexOf(one)));
    const pair = Promise.all([programs.cumin(args, trace('cumin')), programs.exec(args, trace('exec'))]);
    seen.get(next)?.resolve(pair.then(([cumin, exec]) => ({ cumin, exec })));
    await pair.catch(() => undefined);
  }
}

function hasCumin(): boolean {
  try {
    return execFileSync('cumin', ['--version'], { encoding: 'utf8' }).startsWith('cumin 6.');
  } catch {
    return false;
  }
}

for (const one of cases)
  test(`the same as Cumin: ${one.args.join(' ').replaceAll('\n', ' ')}`, { skip }, async () => {
    const found = await seen.get(one)?.promise;
    assert.ok(found);
    const adapt = one.differs === undefined ? (as: Seen) => as : differences[one.differs].adapt;
    assert.deepEqual(adapt(found.exec), adapt(found.cumin));
  });

test('there are at least sixty cases, and each difference has its case', () => {
  assert.ok(cases.length >= 60);
  for (const name of Object.keys(differences))
    assert.ok(
      cases.some(({ differs }) => differs === name),
      name,
    );
});
