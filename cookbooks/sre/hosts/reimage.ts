import { duration, hostName, type Command, type Spicerack } from '../../../src/sumac.ts';

export const title = 'Install an operating system on a host, over the network';

export const argumentParser = (parser: Command) =>
  parser
    .argument('<host>', 'one host, as the inventory names it; everything on its disks is lost', hostName)
    .requiredOption('--os <codename>', 'the operating system to install, for example trixie')
    .option('--force', 'do not ask for confirmation')
    .option('--no-downtime', 'leave the alerts of the host on')
    .option('--install-timeout <duration>', 'how long the installer may take', duration, '40m');

interface Args {
  host: string;
  os: string;
  force?: true;
  downtime: boolean;
  installTimeout: string;
}

export const hosts = ({ host }: Args) => host;
export const lockHosts = true;
export const lockArgs = ({ host }: Args) => ({ suffix: host, concurrency: 1, ttl: '1h' });
export const runtimeDescription = ({ host, os }: Args) => `for host ${host} with OS ${os}`;

/** Interval of the waits: a look costs a connection and leaves nothing in the history. */
const every = '2s';

export async function run(args: Args, spicerack: Spicerack) {
  const { host: name, os, installTimeout } = args;
  const host = spicerack.host(name);
  const ipmi = spicerack.ipmi(name);
  const installer = spicerack.installer(name);
  const alerts = spicerack.alerts(name);
  const step = spicerack.step.bind(spicerack);
  const started = Date.now();

  const { datacenter } = await step('look up the host', { read: () => spicerack.inventory(name) });
  if (!args.force) await spicerack.askConfirmation(`Wipe ${name} and install ${os} on it?`);

  const dhcp = spicerack.dhcp(datacenter);
  const before = await step('note boot id and operating system', { read: () => installer.runningSystem() });
  await step('BMC answers', { read: () => ipmi.checkConnection() });

  if (args.downtime)
    await step('silence alerts', {
      write: () => alerts.downtime(spicerack.reason),
      undo: () => alerts.removeDowntime(),
    });
  await step('push the DHCP snippet', {
    write: () => dhcp.pushConfiguration(name, os),
    undo: () => dhcp.removeConfiguration(name, os),
    guaranteed: true,
  });
  await step('boot from the network next', {
    write: () => ipmi.forcePxe(),
    undo: () => ipmi.removeBootOverride(),
    guaranteed: true,
  });
  const power = await step('note the power status', { read: () => ipmi.powerStatus() });
  await step('power cycle', {
    write: async () => {
      // A BMC forgets the override when no power command follows within a minute (IPMI 2.0, 28.12).
      if ((await ipmi.bootOverride()).selector !== 'Force PXE') await ipmi.forcePxe();
      await ipmi.reboot(power);
    },
    probe: () => installer.powerCycledSince(before),
    undo: 'impossible',
  });

  await step('installer starts', { check: () => installer.reached(before), within: '40m', every });
  // An override that stays would start the installer again at the next boot.
  await spicerack.settle('boot from the network next');
  await step('installer finishes', { check: () => installer.finished(os), within: installTimeout, every });
  const keys = await step('note the host keys', { read: () => installer.provenHostKeys() });
  await step('accept the new host key', {
    write: () => installer.acceptHostKey(),
    undo: () => installer.restoreHostKeys(keys),
  });
  const installed = await step('new system answers', { check: () => host.backFrom(before), within: '40m', every });
  await step('operating system is the one asked for', { read: () => host.checkOs(os) });
  await spicerack.settle('push the DHCP snippet');

  await step('reboot', { write: () => host.reboot(), probe: () => host.rebootedSince(installed) });
  const after = await step('back and healthy', { check: () => host.healthyAfter(installed), within: '40m', every });
  if (args.downtime) await spicerack.settle('silence alerts');

  // A dry run has nothing to tell of what it has not done.
  if (spicerack.dryRun) return;
  spicerack.report({
    host: name,
    osBefore: before.os,
    osAfter: after.os,
    bootIds: [before.bootId, installed.bootId, after.bootId],
    seconds: Math.round((Date.now() - started) / 1000),
  });
}
