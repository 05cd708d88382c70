import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const program = join(import.meta.dirname, '../../bin/cookbook');

/** How a call of the CLI ended. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A call of the CLI that goes on. */
export interface Going {
  /** What it has written so far, both streams. */
  readonly output: string;
  /** Waits until it has written what matches, and returns the match. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  type(text: string): void;
  kill(signal: NodeJS.Signals): void;
  ended: Promise<Ended>;
}

/** The CLI of a test's own: its configuration, state and cache in a directory of its own. */
export interface TestCli {
  readonly directory: string;
  /** @param user name of the operator */
  run(args: readonly string[], user?: string): Promise<Ended>;
  /** @param terminal gives it one, on which `type` types */
  start(args: readonly string[], options?: { terminal?: boolean; user?: string }): Going;
  /** Starts a worker and waits until it polls. */
  worker(): Promise<Going>;
  /** Ends what is left and removes the directory. */
  stop(): Promise<void>;
}

/** @param config text of the configuration file; `DIRECTORY` in it is the directory of this CLI */
export function testCli(config: string): TestCli {
  const directory = mkdtempSync(join(tmpdir(), 'cookbook-cli-'));
  const file = join(directory, 'config.yaml');
  writeFileSync(file, config.replaceAll('DIRECTORY', directory));
  const children = new Map<ChildProcess, Going>();
  const guard = () => {
    for (const child of children.keys()) child.kill('SIGKILL');
  };
  process.once('exit', guard);
  const cli: TestCli = {
    directory,
    run: (args, user) => cli.start(args, user === undefined ? {} : { user }).ended,
    start(args, { terminal = false, user = 'tester' } = {}) {
      const command = [program, '-c', file, ...args];
      const env = { ...process.env, USER: user, SUDO_USER: '', XDG_CACHE_HOME: join(directory, 'cache') };
      const child = terminal
        ? spawn('script', ['-qefc', `exec ${command.map((word) => `'${word}'`).join(' ')}`, '/dev/null'], { env })
        : spawn(program, command.slice(1), { env });
      const going = follow(child, () => children.delete(child));
      children.set(child, going);
      return going;
    },
    async worker() {
      const worker = cli.start(['worker']);
      await worker.until(/ready after/);
      return worker;
    },
    async stop() {
      const left = [...children.values()];
      guard();
      await Promise.all(left.map(({ ended }) => ended));
      process.off('exit', guard);
      rmSync(directory, { recursive: true });
    },
  };
  return cli;
}

function follow(child: ReturnType<typeof spawn>, gone: () => void): Going {
  let [stdout, stderr, output] = ['', '', ''];
  child.stdout?.on('data', (text: Buffer) => {
    stdout += text.toString();
    output += text.toString();
  });
  child.stderr?.on('data', (text: Buffer) => {
    stderr += text.toString();
    output += text.toString();
  });
  const ended = once(child, 'close').then(([code]) => {
    gone();
    return { code: code as number | null, stdout, stderr };
  });
  return {
    get output() {
      return output;
    },
    async until(pattern) {
      for (let tries = 0; tries < 2400; tries++) {
        const found = pattern.exec(output);
        if (found) return found;
        if (child.exitCode !== null || child.signalCode !== null) break;
        await sleep(50);
      }
      throw new Error(`no ${String(pattern)} in:\n${output}`);
    },
    type: (text) => child.stdin?.write(text),
    kill: (signal) => child.kill(signal),
    ended,
  };
}
