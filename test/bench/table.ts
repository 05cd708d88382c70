/** The middle of some figures. */
export const median = (figures: readonly number[]): number => {
  const sorted = [...figures].sort((a, b) => a - b);
  return (
    ((sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN) +
      (sorted[Math.ceil((sorted.length - 1) / 2)] ?? Number.NaN)) /
    2
  );
};

/** One row: what was measured, its figures, and how it stands against its bar. */
export function row(what: string, ours: readonly number[], unit: string, bar?: { text: string; met: boolean }): void {
  const spread = `${Math.min(...ours).toFixed(1)}-${Math.max(...ours).toFixed(1)}`;
  console.log(
    `| ${what} | ${median(ours).toFixed(2)} ${unit} | ${spread} | n=${ours.length} | ${bar ? `${bar.text}: ${bar.met ? 'met' : 'MISSED'}` : ''} |`,
  );
}

/** Milliseconds that `body` takes. */
export async function timed(body: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await body();
  return performance.now() - began;
}
