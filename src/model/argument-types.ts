import { toMs } from './duration.ts';
import { messageOf } from './errors.ts';

/** An error that commander shows with the name of the option or operand, whichever copy of commander it is. */
const invalid = (message: string) => Object.assign(new Error(message), { code: 'commander.invalidArgument' });

/**
 * Reads an argument that is a whole number, for `parser.option('--width <number>', '...', wholeNumber({ least: 1 }))`.
 * @param range least and most that are accepted; default 0 and no limit
 */
export const wholeNumber =
  ({ least = 0, most = Number.MAX_SAFE_INTEGER }: { least?: number; most?: number } = {}) =>
  (text: string): number => {
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw invalid(
      `Expected a whole number ${most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`}.`,
    );
  };

/** Reads an argument that is a length of time such as `90s`, `40m` or `1h30m`, and keeps it as it was written. */
export function duration(text: string): string {
  try {
    toMs(text);
  } catch (error) {
    throw invalid(`${messageOf(error)}.`);
  }
  return text;
}

/** Reads an argument that is the name of one host, and not an expression that may stand for several. */
export function hostName(text: string): string {
  if (/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(text)) return text;
  throw invalid('Expected the name of one host, such as cloudvirt1001.eqiad.wmnet.');
}
