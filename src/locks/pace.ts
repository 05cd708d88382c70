/** The pauses of the original between its tries: 5 s, 10 s, 15 s and so on (spicerack.md 2.6). */
const stepSeconds = 5;

/** When its n-th try is made, seconds after the first. */
const tryAfter = (n: number): number => (stepSeconds * n * (n - 1)) / 2;

/** Tries the original makes until it gives up after this many seconds: 27 in 1,755. */
export function triesWithin(seconds: number): number {
  let n = 1;
  while (tryAfter(n) < seconds) n++;
  return n;
}

/** Number of the try that the original would have made last, and the pause after it in seconds. */
export function tryAt(elapsedSeconds: number): { n: number; pause: number } {
  let n = 1;
  while (tryAfter(n + 1) <= elapsedSeconds) n++;
  return { n, pause: stepSeconds * n };
}
