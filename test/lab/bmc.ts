import type { ChildProcess } from 'node:child_process';
import { constants, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { LabLayout } from './layout.ts';
import type { PoweredMachine } from './powered-machine.ts';
import { run, signal, spawnTied } from './processes.ts';

export const ipmiUser = 'root';

/** The BMC of one machine: ipmi_sim on its management address, which drives the machine's power. */
export class Bmc {
  readonly #lab: LabLayout;
  readonly #machine: PoweredMachine;
  #simulator: ChildProcess | undefined;

  constructor(lab: LabLayout, machine: PoweredMachine) {
    this.#lab = lab;
    this.#machine = machine;
  }

  async start(): Promise<void> {
    const { dir } = this.#machine.layout;
    this.#writeConfiguration();
    const orders = join(dir, 'orders');
    await run('mkfifo', [orders]);
    // Opened for writing too, so that it does not end with each writer.
    const input = new Socket({ fd: openSync(orders, constants.O_RDWR | constants.O_NONBLOCK), writable: false });
    createInterface(input).on('line', (line) => {
      this.#machine.order(line).catch((error: unknown) => console.error(this.#machine.layout.name, line, error));
    });
    this.#simulate(openSync(join(dir, 'ipmi/log'), 'a'));
  }

  /** A silent BMC takes packets and answers none. */
  setSilent(silent: boolean): void {
    if (this.#simulator?.pid !== undefined) signal(this.#simulator.pid, silent ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Ends it for good. */
  end(): void {
    this.#simulator?.removeAllListeners('exit');
    this.#simulator?.kill('SIGKILL');
  }

  #simulate(log: number): void {
    const dir = join(this.#machine.layout.dir, 'ipmi');
    const command = ['ipmi_sim', '-c', join(dir, 'lan.conf'), '-f', join(dir, 'sim.emu'), '-s', dir, '-n'];
    this.#simulator = spawnTied(this.#lab.switchNetns, command, log);
    this.#simulator.on('exit', () => setTimeout(() => this.#simulate(log), 500));
  }

  #writeConfiguration(): void {
    const { dir, mgmt, short } = this.#machine.layout;
    mkdirSync(join(dir, 'ipmi'), { recursive: true });
    const chassis = join(import.meta.dirname, 'machine/chassis.sh');
    const lan = `name "${short}"
set_working_mc 0x20
  startlan 1
    addr ${mgmt} 623
    priv_limit admin
    allowed_auths_callback none md5
    allowed_auths_user md5
    allowed_auths_operator md5
    allowed_auths_admin md5
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "${chassis} ${dir} 0x20"
  user 1 true "" "" user 10 none md5
  user 2 true "${ipmiUser}" "${this.#lab.ipmiPassword}" admin 10 md5
`;
    const emulation = `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
`;
    writeFileSync(join(dir, 'ipmi/lan.conf'), lan, { mode: 0o600 });
    writeFileSync(join(dir, 'ipmi/sim.emu'), emulation);
  }
}
