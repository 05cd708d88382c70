import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { tied } from '../../lab/processes.ts';
import type { Asked, Told, WorkerSetup } from './contenders-main.ts';
import type { Network } from './network.ts';

/** Remembers the greatest fencing number it saw for each lock, and refuses lower ones: the machine that the locks protect. */
class FencedMachine {
  readonly #seen = new Map<string, bigint>();

  accepts(lock: string, fence: string): boolean {
    const number = BigInt(fence);
    if (number < (this.#seen.get(lock) ?? 0n)) return false;
    this.#seen.set(lock, number);
    return true;
  }
}

/** Worker processes, each at a place of the network and with what its contenders noted in a file. */
export class Workers {
  readonly #network: Network;
  readonly #machine = new FencedMachine();
  readonly #running = new Map<string, { child: ChildProcess; setup: WorkerSetup }>();
  /** What went wrong in a worker by itself. */
  readonly broken: string[] = [];

  constructor(network: Network) {
    this.#network = network;
  }

  start(place: string, setup: WorkerSetup): void {
    const [execPath, execArgv] = tied(this.#network.at(place).netns, process.execPath);
    const main = join(import.meta.dirname, 'contenders-main.ts');
    const child = fork(main, [JSON.stringify(setup)], {
      execPath,
      execArgv,
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    let errors = '';
    child.stderr?.on('data', (text: Buffer) => (errors += text.toString()));
    child.on('message', ({ ask, lock, fence }: Asked) =>
      this.#tell(child, { answer: ask, accepted: this.#machine.accepts(lock, fence) }),
    );
    child.once('exit', (code) => {
      if (code !== null && code !== 0) this.broken.push(`worker ${place} ended with ${code}: ${errors}`);
    });
    this.#running.set(place, { child, setup });
  }

  /** kill -9, then another one that takes up what it was about. */
  async replace(place: string): Promise<void> {
    const { child, setup } = this.#at(place);
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    this.start(place, setup);
  }

  freeze(place: string, frozen: boolean): void {
    this.#at(place).child.kill(frozen ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Sets the clock of a worker. @param skew minutes by which it is wrong from now on */
  setClock(place: string, skew: number): void {
    const { child, setup } = this.#at(place);
    setup.skew = skew;
    this.#tell(child, { skew });
  }

  /** Lets each run come to its end, and waits for it. */
  async end(): Promise<void> {
    const children = [...this.#running.values()].map(({ child }) => child);
    for (const child of children) this.#tell(child, { end: true });
    for (const child of children) if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }

  kill(): void {
    for (const { child } of this.#running.values()) child.kill('SIGKILL');
  }

  #at(place: string) {
    const worker = this.#running.get(place);
    if (!worker) throw new Error(`no worker at ${place}`);
    return worker;
  }

  #tell(child: ChildProcess, told: Told): void {
    if (child.connected) child.send(told, () => undefined);
  }
}
