import { Command, InvalidArgumentError } from '@commander-js/extra-typings';
import { buildImages } from './images.ts';
import { Lab } from './lab.ts';
import { isSupervised, labNames, layoutOf, remove } from './registry.ts';

const count = (value: string): number => {
  if (!/^\d{1,3}$/.test(value)) throw new InvalidArgumentError('a number from 0 to 999 is needed.');
  return Number(value);
};
const onOff = (value: string): boolean => {
  if (value !== 'on' && value !== 'off') throw new InvalidArgumentError("'on' or 'off' is needed.");
  return value === 'on';
};
const upDown = (value: string): 'up' | 'down' => {
  if (value !== 'up' && value !== 'down') throw new InvalidArgumentError("'up' or 'down' is needed.");
  return value;
};

/** The lab that a command is about: the named one, or the only one there is. */
function nameOf(name: string | undefined): string {
  const names = labNames();
  const [only] = names;
  if (name !== undefined && names.includes(name)) return name;
  if (name !== undefined)
    throw new Error(`no lab '${name}' is up${only === undefined ? '' : `; there are ${names.join(', ')}`}`);
  if (only !== undefined && names.length === 1) return only;
  throw new Error(only === undefined ? 'no lab is up' : `several labs are up (${names.join(', ')}): name one`);
}

function printStatus(lab: Lab): void {
  console.log(`${lab.name}  ${lab.dir}  ssh -F ${lab.config.ssh_config} cloudvirt1001`);
  for (const machine of [...lab.machines, lab.installServer]) {
    const { os, phase, bootOverride, broken } = machine.snapshot();
    const state = [phase, os ?? '-', `boot ${bootOverride}`, `${machine.powerCycles()} cycles`, broken ? 'BROKEN' : ''];
    console.log(
      `  ${machine.name.padEnd(20)} ${machine.address.padEnd(13)} bmc ${machine.mgmt.padEnd(13)} ${state.join('  ')}`,
    );
  }
}

const program = new Command('lab').description('Real machines, BMCs and an install server on this machine.');
program
  .command('build')
  .description('build the images that are not in the cache yet')
  .action(async () => {
    for (const [name, folder] of Object.entries(await buildImages())) console.log(`${name}  ${folder}`);
  });
program
  .command('up')
  .description('make a lab that stays until `lab down`')
  .argument('<machines>', 'machines of the fleet', count)
  .option('--name <name>', 'name of the lab')
  .option('--dir <folder>', 'where it keeps its files')
  .option('--etcd <members>', 'members of an etcd cluster; one more machine is made to add to it', count)
  .option('--install-seconds <seconds>', 'how long an installation takes', count)
  .option('--life <seconds>', 'end by itself after so long', Number, 3 * 3600)
  .action(async (machines, { etcd, ...options }) => {
    const lab = await Lab.up({ machines, ...options, ...(etcd === undefined ? {} : { etcdMembers: etcd }) });
    await lab.keep();
    printStatus(lab);
  });
program
  .command('down')
  .description('end a lab and remove all of it, also what a killed one has left')
  .argument('[name]')
  .option('--all', 'every lab of this machine')
  .action(async (name, { all }) => {
    for (const each of all ? labNames() : [nameOf(name)]) {
      await remove(each);
      console.log(`${each} is down`);
    }
  });
program
  .command('status')
  .description('the labs of this machine')
  .action(() => {
    for (const name of labNames()) {
      if (isSupervised(name)) printStatus(Lab.attach(name));
      else console.log(`${name}  ${layoutOf(name)?.dir ?? ''}  left by a killed process: lab down ${name}`);
    }
  });
program
  .command('reset')
  .description('bring machines back to their first system')
  .argument('<host...>')
  .option('--name <name>', 'name of the lab')
  .action(async (hosts, { name }) => {
    const lab = Lab.attach(nameOf(name));
    await Promise.all(hosts.map((host) => lab.reset(host)));
  });

const fault = program
  .command('fault')
  .description('make something go wrong')
  .option('--name <name>', 'name of the lab');
const lab = () => Lab.attach(nameOf(fault.opts().name));
fault
  .command('drop-connections')
  .description('end the established ssh connections')
  .argument('<host>')
  .action((host) => lab().dropConnections(host));
fault
  .command('net')
  .description('pull the network cable, or put it back')
  .argument('<host>')
  .argument('<up|down>', 'state', upDown)
  .action((host, state) => lab().net(host, state));
fault
  .command('freeze')
  .description('stop every process of the machine')
  .argument('<host>')
  .argument('<on|off>', 'state', onOff)
  .action((host, on) => lab().freeze(host, on));
fault
  .command('refuse-logins')
  .description('stop sshd for a while')
  .argument('<host>')
  .argument('<seconds>', 'how long', count)
  .action((host, seconds) => lab().refuseLogins(host, seconds));
fault
  .command('bmc-silent')
  .description('the BMC answers nothing')
  .argument('<host>')
  .argument('<on|off>', 'state', onOff)
  .action((host, on) => lab().bmcSilent(host, on));
fault
  .command('installer-hangs')
  .description('installations do not end')
  .argument('<host>')
  .argument('<on|off>', 'state', onOff)
  .action((host, on) => lab().installerHangs(host, on));
fault
  .command('dhcp-refresh-fails')
  .description('dhcpincludes fails')
  .argument('<on|off>', 'state', onOff)
  .action((on) => lab().dhcpRefreshFails(on));

try {
  await program.parseAsync();
  process.exit(); // a lab that is kept would hold this process by its channel
} catch (error) {
  console.error(`lab: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
