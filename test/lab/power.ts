/** power.ts LAB: the process that is a lab while it is up: every machine's power, the BMCs, the SAL relay, the faults. */
import { openSync, rmSync, unlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Bmc } from './bmc.ts';
import { layInitial, prepareDisk } from './disk.ts';
import { type Fault, Faults } from './faults.ts';
import { installPaths, installServerOf } from './layout.ts';
import { makeNetwork } from './network.ts';
import { PoweredMachine } from './powered-machine.ts';
import { enter, spawnTied } from './processes.ts';
import { layoutOf, remove, socketOf } from './registry.ts';
import { startSal } from './sal.ts';
import { sshAnswers } from './ssh.ts';

/** Requests on the control socket. */
export type Request = { do: 'reset'; host: string } | { do: 'fault'; fault: Fault } | { do: 'keep' };

const lab = layoutOf(process.argv[2] ?? '');
if (!lab) throw new Error('usage: power.ts LAB');
const machines = lab.machines.map((layout) => new PoweredMachine(lab, layout));
const bmcs = machines.map((machine) => new Bmc(lab, machine));
const faults = new Faults(lab, machines, bmcs);
let kept = false;

/** Ends what this process started, so that nothing is left to whoever adopts orphans. */
async function end(): Promise<void> {
  for (const bmc of bmcs) bmc.end();
  await Promise.all(machines.map((machine) => machine.end()));
}

function endWithOwner(): void {
  if (kept) return;
  end()
    .then(() => remove(lab?.name ?? ''))
    .catch(console.error)
    .finally(() => process.exit());
}

async function reset(host: string): Promise<void> {
  const index = machines.findIndex(({ layout }) => layout.name === host || layout.short === host);
  const machine = machines[index];
  if (!machine || !lab) throw new Error(`no machine '${host}' in lab ${lab?.name}`);
  await faults.clear(machine.layout);
  await Promise.all([forget(machine.layout.short), machine.reset()]);
  await sshAnswers(machine.layout.address);
}

/** What the install server holds for a machine. */
async function forget(short: string): Promise<void> {
  if (!lab) return;
  const paths = installPaths(lab);
  rmSync(join(paths.proofs, `${short}.json`), { force: true });
  try {
    unlinkSync(join(paths.snippets, `${short}.conf`));
  } catch {
    return;
  }
  await enter(installServerOf(lab).netns, '/usr/local/sbin/dhcpincludes -r commit');
}

async function obey(request: Request): Promise<void> {
  if (request.do === 'reset') await reset(request.host);
  else if (request.do === 'fault') await faults.set(request.fault);
  else {
    kept = true;
    setTimeout(
      () => {
        kept = false;
        endWithOwner();
      },
      (lab?.life ?? 0) * 1000,
    );
  }
}

/** Without it every network boot would go unanswered. */
async function bootServerAnswers(seconds = 60): Promise<void> {
  const end = Date.now() + seconds * 1000;
  const url = `http://${lab ? installServerOf(lab).address : ''}/`;
  for (;;) {
    const answer: unknown = await fetch(url).catch((error: unknown) => error);
    if (answer instanceof Response) return;
    if (Date.now() > end)
      throw new Error(`the boot server does not answer at ${url}, see boot-server.log: ${String(answer)}`);
    await sleep(50);
  }
}

process.on('disconnect', endWithOwner);
process.on('SIGTERM', () => void end().finally(() => process.exit()));
await makeNetwork(lab);
startSal(lab);
await Promise.all(
  machines.map(async (machine, index) => {
    await prepareDisk(lab, machine.layout);
    await layInitial(machine.layout);
    await bmcs[index]?.start();
    await machine.order('on');
  }),
);
const log = openSync(join(lab.dir, 'boot-server.log'), 'a');
spawnTied(installServerOf(lab).netns, [process.execPath, join(import.meta.dirname, 'boot-server.ts'), lab.name], log);
createServer((request, response) => {
  json(request)
    .then((body) => obey(body as Request))
    .then(
      () => response.end('{}'),
      (error: unknown) => response.writeHead(400).end(error instanceof Error ? error.message : String(error)),
    );
}).listen(socketOf(lab.name));
await Promise.all([bootServerAnswers(), ...lab.machines.map(({ address }) => sshAnswers(address))]);
process.send?.('ready');
