import { createInterface, type Interface } from 'node:readline';

const clearLine = '\r\u001b[J';

/** Whether a person sits at both ends. */
export const isInteractive = (): boolean => process.stdin.isTTY && process.stderr.isTTY;

/** How a question ended without an answer. */
export type NoAnswer = 'withdrawn' | 'interrupted' | 'closed';

let asking: Interface | undefined;
let footer: readonly string[] = [];

/** Says a line, on stderr by default, above the question that may be open and above the footer. */
export function say(line: string, to: 'stdout' | 'stderr' = 'stderr'): void {
  const shown = footer;
  showFooter([]);
  if (asking) process.stderr.write(clearLine);
  process[to].write(`${line}\n`);
  asking?.prompt(true);
  showFooter(shown);
}

/** Keeps these lines at the foot of the terminal, but for while a question is open; each must fit into its width. */
export function showFooter(lines: readonly string[]): void {
  const up = footer.length > 1 ? `\u001b[${footer.length - 1}A` : '';
  const erase = footer.length > 0 ? `${clearLine.slice(0, 1)}${up}${clearLine.slice(1)}` : '';
  footer = asking ? [] : lines;
  if (erase !== '' || footer.length > 0) process.stderr.write(erase + footer.join('\n'));
}

/**
 * Asks at the terminal: `==> MESSAGE`, then `> `. One question at a time.
 * @param withdrawn ends the question when it is no longer to be answered here
 * @returns the line typed; `interrupted` after Ctrl-C, `closed` after Ctrl-D
 */
export function question(message: string, withdrawn?: AbortSignal): Promise<{ answer: string } | NoAnswer> {
  return new Promise((resolve) => {
    showFooter([]);
    process.stderr.write(`==> ${message}\n`);
    const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: true });
    asking = lines;
    const end = (how: { answer: string } | NoAnswer) => {
      if (typeof how === 'string') process.stderr.write(clearLine);
      asking = undefined;
      withdrawn?.removeEventListener('abort', withdraw);
      resolve(how); // before close, whose own end comes second and counts for nothing
      lines.close();
    };
    const withdraw = () => end('withdrawn');
    lines.once('SIGINT', () => end('interrupted'));
    lines.once('close', () => asking === lines && end('closed'));
    withdrawn?.addEventListener('abort', withdraw);
    lines.question('> ', (answer) => end({ answer: answer.trim() }));
  });
}
