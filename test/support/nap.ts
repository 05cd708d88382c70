/** Seconds for a command that hangs, by which the list of processes tells it from those of every other test under way. */
export const nap = (place: number): number => place * 10_000_000 + process.pid;
