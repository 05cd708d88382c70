import type { HostResult } from '../../model/remote-result.ts';
import type { Said } from '../../model/said.ts';
import { linesOf } from './output.ts';

/** How much of what a command says was shown while it went on: whole lines, from its beginning. */
interface Shown {
  bytes: number;
  lines: number;
  /** Something between was missed. */
  hasGap: boolean;
}

/** What the commands of one host say, shown as they say it. */
export class LiveOutput {
  readonly #shown = new Map<number, Shown>();

  /** Lines that were not shown so far; and whether they are the command's first. */
  hear({ command, at, bytes: text }: Said): { lines: string[]; isFirst: boolean } {
    const bytes = Buffer.from(text, 'base64');
    const known = this.#shown.get(command);
    const { bytes: until, lines: count, hasGap } = known ?? { bytes: 0, lines: 0, hasGap: false };
    const missed = Math.max(0, at - until);
    const fresh = bytes.subarray(Math.max(0, until - at));
    const whole = fresh.subarray(0, fresh.lastIndexOf(10) + 1);
    if (whole.length === 0) return { lines: [], isFirst: false };
    const lines = linesOf(whole.toString());
    this.#shown.set(command, {
      bytes: until + missed + whole.length,
      lines: count + lines.length,
      hasGap: hasGap || missed > 0,
    });
    const note = missed > 0 ? [`[... ${missed} bytes were said too fast to be shown here ...]`] : [];
    return { lines: [...note, ...lines], isFirst: known === undefined };
  }

  /** What is left to be shown of a command that has ended; nothing when all of it is to be shown, once more if need be. */
  rest({
    index,
    output,
    truncatedBytes,
  }: Pick<HostResult, 'index' | 'output' | 'truncatedBytes'>): string[] | undefined {
    const shown = this.#shown.get(index);
    if (!shown || shown.hasGap) return undefined;
    if (truncatedBytes === 0) return linesOf(output).slice(shown.lines);
    const [head = Buffer.alloc(0), tail = Buffer.alloc(0)] = output
      .split(`\n[... ${truncatedBytes} bytes left out ...]\n`)
      .map((part) => Buffer.from(part));
    const left = head.length + truncatedBytes + tail.length - shown.bytes;
    if (left <= tail.length) return linesOf(tail.subarray(tail.length - Math.max(0, left)).toString());
    return [`[... ${left - tail.length} bytes left out ...]`, ...linesOf(tail.toString())];
  }
}
