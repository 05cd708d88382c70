/** A line for one of the two streams. */
export interface Line {
  to: 'stdout' | 'stderr';
  text: string;
}

const codes = { red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 } as const;

/** Cumin's colours. */
export type Paint = Record<keyof typeof codes, (text: string) => string>;

/** @param colored whether to colour at all */
export const paint = (colored: boolean): Paint =>
  Object.fromEntries(
    Object.entries(codes).map(([name, code]) => [
      name,
      (text: string) => (colored && text !== '' ? `\u001b[${code}m${text}\u001b[39m` : text),
    ]),
  ) as Paint;

const longest = 35;

/** A command as reports name it: of a long one the beginning and the end. */
export function shortened(command: string): string {
  const characters = Array.from(command);
  if (characters.length <= longest) return command;
  const kept = (longest - 3) / 2;
  return `${characters.slice(0, kept).join('')}...${characters.slice(-kept).join('')}`;
}

/** `66.7%`; halves go to the even digit, as Python rounds them. */
export function percent(ratio: number): string {
  const percentage = ratio * 100;
  const isHalf = (percentage * 4) % 2 === 1;
  return `${isHalf ? (2 * Math.round(percentage * 5)) / 10 : percentage.toFixed(1)}%`;
}
