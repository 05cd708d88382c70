import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

export const launcher = resolve(import.meta.dirname, '../../bin/cookbook');

/** A `cookbook worker` in a process of its own, to be killed. */
export interface CookbookWorker {
  pid: number;
  /** Resolves when it has ended. */
  ended: Promise<void>;
  /** kill -9, and nothing else. */
  kill(): Promise<void>;
}

/**
 * Starts a worker and waits until it polls; it ends with this process at the latest.
 * @param log file that its standard error is appended to
 */
export async function startWorker(
  config: string,
  log: string,
  command: readonly string[] = [launcher, '-c', config, 'worker'],
): Promise<CookbookWorker> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  const ended = once(child, 'exit').then(() => void process.off('exit', end));
  child.stderr.pipe(createWriteStream(log, { flags: 'a' }));
  await new Promise<void>((ready, failed) => {
    child.stderr.on('data', (text: Buffer) => {
      if (text.includes('polls')) ready();
    });
    child.once('exit', (code) =>
      failed(new Error(`the worker ended with ${code}: ${readFileSync(log, 'utf8').slice(-2000)}`)),
    );
  });
  return {
    pid: child.pid ?? 0,
    ended,
    kill: async () => {
      end();
      await ended;
    },
  };
}
