import { createInterface } from 'node:readline';

/** Whether a person sits at both ends. */
export const isInteractive = (): boolean => process.stdin.isTTY && process.stderr.isTTY;

/** How a question ended without an answer. */
export type NoAnswer = 'withdrawn' | 'interrupted' | 'closed';

/**
 * Asks at the terminal: `==> MESSAGE`, then `> `.
 * @param withdrawn ends the question when it is no longer to be answered here
 * @returns the line typed; `interrupted` after Ctrl-C, `closed` after Ctrl-D
 */
export function question(message: string, withdrawn: AbortSignal): Promise<{ answer: string } | NoAnswer> {
  return new Promise((resolve) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: true });
    const end = (how: { answer: string } | NoAnswer) => {
      withdrawn.removeEventListener('abort', withdraw);
      resolve(how); // before close, whose own end comes second and counts for nothing
      lines.close();
    };
    const withdraw = () => {
      process.stderr.write('\n');
      end('withdrawn');
    };
    lines.once('SIGINT', () => end('interrupted'));
    lines.once('close', () => end('closed'));
    if (withdrawn.aborted) {
      end('withdrawn');
      return;
    }
    withdrawn.addEventListener('abort', withdraw);
    process.stderr.write(`==> ${message}\n`);
    lines.question('> ', (answer) => end({ answer: answer.trim() }));
  });
}
