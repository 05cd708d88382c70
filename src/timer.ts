/** The longest delay a timer of Node takes, milliseconds (24.8 days): a longer one would be over at once. */
const longest = 2 ** 31 - 1;

/** Calls `act` after any length of time in milliseconds. @returns what keeps it from doing so */
export function after(ms: number, act: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = (left: number) => {
    timer = left > longest ? setTimeout(() => wait(left - longest), longest) : setTimeout(act, Math.max(0, left));
  };
  wait(ms);
  return () => clearTimeout(timer);
}

/** Waits for any length of time in milliseconds, but no longer than until the signal. */
export function pauseUnless(signal: AbortSignal, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = after(ms, done);
    if (signal.aborted) done();
    else signal.addEventListener('abort', done, { once: true });
  });
}
