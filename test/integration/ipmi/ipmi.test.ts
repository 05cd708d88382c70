import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ipmi } from '../../../activities/ipmi.ts';
import { Config } from '../../../src/config/schema.ts';
import { OpsError } from '../../../src/model/errors.ts';
import { callOf } from '../../support/call.ts';
import { type IpmiSim, type LossyWay, ipmiSim, lossyWay } from '../../support/ipmi-sim.ts';

const host = 'machine1';
let bmc: IpmiSim;
let way: LossyWay;
let dir: string;

const callWith = (management: object, inventory = join(dir, 'inventory.yaml')) =>
  callOf({
    config: Config.parse({
      cookbooks_base_dirs: ['/nowhere'],
      logs_base_dir: '/nowhere',
      temporal: {},
      inventory,
      management: {
        password_file: bmc.passwordFile,
        cipher_suite: 3,
        port: way.port,
        timeout_seconds: 3,
        ...management,
      },
    }),
  });
const call = () => callWith({});

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ipmi-test-'));
  writeFileSync(
    join(dir, 'inventory.yaml'),
    `hosts: { ${host}: { address: 10.0.0.1, mac: '02:00:00:00:00:01', mgmt: 127.0.0.1, datacenter: lab } }`,
  );
  bmc = await ipmiSim();
  way = await lossyWay(bmc.port);
});
after(async () => {
  way.stop();
  await bmc.stop();
  rmSync(dir, { recursive: true });
});
beforeEach(() => {
  way.lose(() => false);
  bmc.set('power', '1');
  bmc.set('boot', 'none');
});

const fails = async (promise: Promise<unknown>, kind: string, code: string, text: RegExp) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof OpsError, String(error));
    assert.deepEqual([error.kind, error.code], [kind, code], error.message);
    assert.match(error.message, text);
    assert.doesNotMatch(JSON.stringify([error.message, error.facts, error.stack]), /lab-secret|not-the-one/);
    return true;
  });

test('the power status is what the BMC says', async () => {
  assert.equal(await ipmi['ipmi.powerStatus'].run({ host }, call()), 'on');
  bmc.set('power', '0');
  assert.equal(await ipmi['ipmi.powerStatus'].run({ host }, call()), 'off');
  await ipmi['ipmi.checkConnection'].run({ host }, call());
});

test('a network boot is set, verified and taken away again, however often', async () => {
  await ipmi['ipmi.forcePxe'].run({ host }, call());
  await ipmi['ipmi.forcePxe'].run({ host }, call());
  assert.equal((await ipmi['ipmi.bootOverride'].run({ host }, call())).selector, 'Force PXE');
  await fails(
    ipmi['ipmi.checkBootparams'].run({ host }, call()),
    'failed',
    'BOOT_PARAMETERS_UNEXPECTED',
    /machine1 \(127\.0\.0\.1\).*0004000000 \(Force PXE\)/,
  );
  await ipmi['ipmi.removeBootOverride'].run({ host }, call());
  await ipmi['ipmi.removeBootOverride'].run({ host }, call());
  await ipmi['ipmi.checkBootparams'].run({ host }, call());
  assert.deepEqual(
    bmc.told().filter((line) => line.startsWith('boot')),
    ['boot pxe', 'boot pxe', 'boot none', 'boot none'],
  );
});

test('an override that does not stick is reported with what ipmitool said', async () => {
  bmc.refuse(true);
  try {
    await fails(
      ipmi['ipmi.forcePxe'].run({ host }, call()),
      'transient',
      'BOOT_OVERRIDE_NOT_SET',
      /'No override' and not 'Force PXE'/,
    );
  } finally {
    bmc.refuse(false);
  }
});

const powerCommands = () => bmc.told().filter((line) => line === 'power 0').length;

test('a power cycle is one command', async () => {
  const before = powerCommands();
  await ipmi['ipmi.powerCycle'].run({ host, action: 'cycle' }, call());
  assert.equal(powerCommands(), before + 1);
});

test('a power command that ends with an unspecified error is left to the probe', async () => {
  bmc.refuse(true);
  try {
    await fails(
      ipmi['ipmi.powerCycle'].run({ host, action: 'cycle' }, call()),
      'unknown',
      'POWER_OUTCOME_UNKNOWN',
      /power cycle may have been obeyed: Set Chassis Power Control to Cycle failed/,
    );
  } finally {
    bmc.refuse(false);
  }
});

test('a lost answer to a power cycle leaves the outcome unknown, and the command is not sent again', async () => {
  let packets = 0;
  way.lose(({ direction, number }) => {
    if (direction === 'to') packets = number;
    return false;
  });
  await ipmi['ipmi.powerCycle'].run({ host, action: 'cycle' }, call());
  const before = powerCommands();
  // The last two packets of a session are the power command and the end of the session.
  const command = packets - 1;
  way.lose(({ direction, number }) => direction === 'from' && number >= command);
  await fails(
    ipmi['ipmi.powerCycle'].run({ host, action: 'cycle' }, call()),
    'unknown',
    'POWER_OUTCOME_UNKNOWN',
    /machine1 \(127\.0\.0\.1\): power cycle may have been obeyed/,
  );
  await sleep(1500);
  assert.equal(powerCommands(), before + 1);
});

test('a lost packet of the log-in does not keep a power cycle from being sent once', async () => {
  const before = powerCommands();
  let lost = 0;
  way.lose(({ direction, number }) => direction === 'from' && number === 2 && ++lost === 1);
  await ipmi['ipmi.powerCycle'].run({ host, action: 'cycle' }, call());
  assert.equal(lost, 1);
  assert.equal(powerCommands(), before + 1);
});

test('a silent BMC is given up, and a power command to it was not sent', async () => {
  way.lose(() => true);
  const before = powerCommands();
  await fails(
    ipmi['ipmi.powerStatus'].run({ host }, call()),
    'transient',
    'BMC_UNREACHABLE',
    /machine1 \(127\.0\.0\.1\): no power status: .*Unable to establish/,
  );
  await fails(
    ipmi['ipmi.checkConnection'].run({ host }, { ...call(), attempt: 3 }),
    'failed',
    'BMC_UNREACHABLE',
    /no power status/,
  );
  await fails(
    ipmi['ipmi.powerCycle'].run({ host, action: 'cycle' }, call()),
    'failed',
    'POWER_NOT_SENT',
    /was not sent/,
  );
  assert.equal(powerCommands(), before);
});

test('a wrong password, an unknown host and a missing file are told apart, and no secret is shown', async () => {
  const wrong = join(dir, 'wrong');
  writeFileSync(wrong, 'not-the-one\n');
  await fails(
    ipmi['ipmi.checkConnection'].run({ host }, callWith({ password_file: wrong })),
    'transient',
    'BMC_UNREACHABLE',
    /Unable to establish/,
  );
  await fails(
    ipmi['ipmi.checkConnection'].run({ host }, callWith({ password_file: join(dir, 'absent') })),
    'usage',
    'MANAGEMENT_PASSWORD_UNREADABLE',
    /absent/,
  );
  writeFileSync(wrong, 'not-the-one-and-longer-than-IPMI-allows\n');
  await fails(
    ipmi['ipmi.checkConnection'].run({ host }, callWith({ password_file: wrong })),
    'usage',
    'MANAGEMENT_PASSWORD_INVALID',
    /1 to 20 bytes/,
  );
  await fails(ipmi['ipmi.checkConnection'].run({ host: 'machine9' }, call()), 'usage', 'HOST_UNKNOWN', /machine9/);
});

test('the password is nowhere on the command line of ipmitool', async () => {
  way.lose(() => true);
  const running = ipmi['ipmi.powerStatus'].run({ host }, call()).catch(() => undefined);
  await sleep(500);
  const lines = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
  await running;
  assert.ok(
    lines.some((line) => line.includes('ipmitool -I lanplus')),
    lines.join('\n'),
  );
  assert.ok(lines.every((line) => !line.includes('lab-secret')));
});
