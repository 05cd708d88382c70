import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Frame, Page } from 'playwright-core';
import { sendAnswer } from '../../src/cli/answer.ts';
import { connect, type Temporal } from '../../src/cli/client.ts';
import { startRun } from '../../src/cli/start.ts';
import { names, type HostState, type RunContext, type RunStatusReport } from '../../src/model/run.ts';
import { renderDetails } from '../../workflows/engine/details.ts';
import { noBrowser, startBrowser, type TestBrowser } from '../support/browser.ts';
import { Engine, type Scene, type WorkerProcess } from '../support/world/engine.ts';
import { largeFleet } from '../support/world/large-fleet.ts';

const [done, failed, parked, pending] = ['cloudvirt1001', 'cloudvirt1002', 'cloudvirt1003', 'cloudvirt1004'].map(
  (name) => `${name}.eqiad.wmnet`,
) as [string, string, string, string];
const context: RunContext = {
  user: 'alice',
  host: 'cumin1001',
  dryRun: false,
  noLocks: true,
  verbose: false,
  onFailure: 'hold',
  reason: 'kernel update',
  task: 'T12345',
};
/** `SHOTS=DIR` keeps pictures of the pages, to be looked at by a person. */
const shots = process.env.SHOTS;

let engine: Engine;
let worker: WorkerProcess;
let browser: TestBrowser;
let run: string;

/** A fleet run as `cookbook` starts it: one host done, one failed, one waiting for a person, one not started. */
before(
  async () => {
    if (noBrowser) return;
    engine = await Engine.start({ ui: true });
    const scene = engine.scene();
    scene.script({ [`touch ${failed}`]: 'fail', [`touch ${parked}`]: 'fail' });
    [worker, browser] = await Promise.all([engine.worker(scene), startBrowser()]);
    const temporal = await cliOf(scene);
    const args = { hosts: [done, failed, parked, pending], options: { width: 1, maxFailed: 1 } };
    ({ run } = await startRun(temporal, 'world.fleet', { argv: ['A:cloudvirt'], args, context }));
    await hostIs(temporal, failed, 'parked');
    await sendAnswer(temporal, `${run}/${failed}`, { value: 'leave', by: 'bob' });
    await hostIs(temporal, parked, 'parked');
    await temporal.connection.close();
  },
  { timeout: 120_000 },
);
after(async () => {
  if (noBrowser) return;
  await browser.close();
  await worker.kill();
  await engine.stop();
});

const cliOf = (scene: Scene): Promise<Temporal> => {
  const configFile = join(scene.dir, 'config.yaml');
  const config = {
    cookbooks_base_dirs: [scene.dir],
    logs_base_dir: scene.dir,
    state_dir: scene.dir,
    temporal: { address: engine.temporal.address, task_queue: scene.queue, ui: engine.temporal.uiAddress },
  };
  writeFileSync(configFile, JSON.stringify(config));
  return connect({ configFile, locks: false, onFailure: 'hold' }, context);
};

async function hostIs({ client }: Temporal, host: string, state: HostState): Promise<void> {
  for (let left = 200; left > 0; left--) {
    const { fleet } = await client.workflow.getHandle(run).query<RunStatusReport>(names.status);
    if (fleet?.hosts.some((one) => one.host === host && one.state === state)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${host} did not become ${state}`);
}

const ui = (path: string) => `${engine.temporal.uiAddress}/namespaces/default/workflows${path}`;
const shoot = async (page: Page, name: string) => {
  if (shots !== undefined) await page.screenshot({ path: join(shots, `${name}.png`) });
};

const readable = (page: Page, text: string | RegExp) =>
  page.getByText(text, { exact: true }).filter({ visible: true }).first().waitFor();

/** Opens a run's page by the link that the CLI prints, and one of its tabs. */
async function openTab(page: Page, id: string, tab: string): Promise<void> {
  await page.goto(ui(`/${encodeURIComponent(id)}`));
  await page
    .getByRole('tab', { name: tab })
    .or(page.getByRole('link', { name: tab, exact: true }))
    .first()
    .click();
}

/** The rendered current details; they are a frame of their own. */
async function currentDetails(page: Page): Promise<Frame> {
  for (let left = 300; left > 0; left--) {
    for (const frame of page.frames().filter((one) => one.url().includes('/render?')))
      if ((await frame.locator('body').innerText()).includes('started by')) return frame;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the page shows no current details');
}

/** What is wider than its half of the window cannot be read. */
const assertNothingCutOff = async (frame: Frame) =>
  assert.equal(await frame.evaluate('document.body.scrollWidth - document.documentElement.clientWidth'), 0);

const rowsOf = async (frame: Frame, table: number) =>
  (await frame.locator('table').nth(table).locator('tr').allInnerTexts()).map((row) => row.replaceAll(/\s+/g, ' '));

const options = { skip: noBrowser, timeout: 180_000 };

test(
  'the page of a fleet run tells what it is, who asks what, what failed and which commands go on',
  options,
  async () => {
    const { page } = browser;
    await openTab(page, run, 'User Metadata');
    const frame = await currentDetails(page);
    await shoot(page, 'fleet');
    const text = await frame.locator('body').innerText();
    assert.match(text, /^\s*world\.fleet\s+running, started by alice on cumin1001: kernel update \(T12345\)/);
    assert.match(text, /cloudvirt1003\.eqiad\.wmnet needs an answer: step .touch cloudvirt1003\.eqiad\.wmnet. failed/);
    const commands = await frame.locator('li code').allInnerTexts();
    for (const answer of ['retry', 'skip', "'roll back'", 'leave'])
      assert.ok(commands.includes(`cookbook answer ${run}/${parked} ${answer}`), commands.join());
    assert.match(text, /4 hosts by world\.one-host, 1 at a time: 1 needs an answer, 1 failed, 1 not started, 1 done/);
    assert.match(text, /No further host starts: 2 failed or need an answer, at most 1 may/);
    const [head, ...rows] = await rowsOf(frame, 0);
    assert.equal(head?.trim(), 'host state');
    assert.equal(rows[0], `${parked} ? needs an answer`);
    assert.match(rows[1] ?? '', /^cloudvirt1002\S+ ✗ failed after .*: touch cloudvirt1002\S+ was told to fail/);
    assert.equal(rows[2], `${pending} … not started`);
    assert.match(rows[3] ?? '', /^cloudvirt1001\S+ ✓ done in [\d.]+s$/);
    assert.match((await rowsOf(frame, 1))[1] ?? '', /^before the fleet ✓ done in/);
    assert.match(text, /Cancelling it undoes, in this order: before the fleet\./);
    assert.ok(commands.includes(`cookbook cancel ${run}`));
    await assertNothingCutOff(frame);
    await page.locator('iframe').first().contentFrame().getByText('cookbook world.fleet A:cloudvirt').waitFor();
  },
);

test('a host in the table leads to its own page, which asks the question', options, async () => {
  const { page } = browser;
  await openTab(page, run, 'User Metadata');
  const frame = await currentDetails(page);
  const [opened] = await Promise.all([
    page.context().waitForEvent('page'),
    frame.getByRole('link', { name: parked }).click(),
  ]);
  await opened.getByRole('heading', { name: `${run}/${parked}` }).waitFor();
  await opened.getByText('User Metadata').click();
  const child = await currentDetails(opened);
  await shoot(opened, 'host');
  const text = await child.locator('body').innerText();
  await assertNothingCutOff(child);
  assert.match(text, /This run needs an answer since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC: step .touch cloudvirt1003/);
  assert.match((await rowsOf(child, 0))[1] ?? '', /^touch cloudvirt1003\S+ ✗ failed after .*was told to fail$/);
  await opened.close();
});

test('timeline and history name steps and hosts in the words of the cookbook', options, async () => {
  const { page } = browser;
  await openTab(page, run, 'Timeline');
  for (const text of [
    'world.set • before the fleet',
    `world.one-host ${failed}`,
    `world.one-host ${parked}`,
    'unparked',
  ])
    await readable(page, text);
  await shoot(page, 'timeline');
  await openTab(page, `${run}/${parked}`, 'Event History');
  for (const text of ['read the arguments', 'announce START', `touch ${parked}`, `touch ${parked} was told to fail`])
    await readable(page, text);
  await readable(page, /^waits for an answer: step 'touch cloudvirt1003/);
  await shoot(page, 'history');
});

test('search attributes tell operator, task, phase and failed hosts', options, async () => {
  const { page } = browser;
  await openTab(page, run, 'Search Attributes');
  for (const text of [
    '"Operator": "alice"',
    '"Task": "T12345"',
    '"Phase": "running"',
    '"FailedHosts": 1',
    '"NeedsAnswer": false',
  ])
    await page.getByText(text).filter({ visible: true }).first().waitFor();
  await shoot(page, 'search-attributes');
});

test('the list of runs that need an answer has exactly the parked host', options, async () => {
  const { page } = browser;
  await page.goto(ui(`?query=${encodeURIComponent('NeedsAnswer=true')}`));
  await page.getByRole('link', { name: `${run}/${parked}` }).waitFor();
  await shoot(page, 'list');
  const rows = (await page.locator('tbody tr').allInnerTexts()).filter((row) => row.trim() !== '');
  assert.equal(rows.length, 1);
  assert.match(rows[0] ?? '', /RUNNING[^]*world\.one-host/);
});

test('the UI shows the whole page of a run over 1,000 hosts with much trouble', options, async () => {
  const { page } = browser;
  const text = renderDetails(largeFleet, 'world.fleet/large', context);
  await page.goto(`${engine.temporal.uiAddress}/render?content=${encodeURIComponent(text)}&theme=light`);
  await page.getByText('cookbook fleet world.fleet/large pause').waitFor();
  await assertNothingCutOff(page.mainFrame());
  await shoot(page, 'large');
  assert.match(await page.locator('body').innerText(), /1000 hosts by world\.one-host, 10 at a time/);
});
