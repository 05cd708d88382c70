/** How activities that work on the hosts of one execution at the same time speak with their run. */
export const shared = {
  /** Signal: {@link Failures}. */
  failures: 'remote.failures',
  /** Query by the execution's id: whether more hosts have failed than may. */
  isGone: 'remote.budgetIsGone',
} as const;

/** How many hosts of one slice have failed so far. */
export interface Failures {
  id: string;
  slice: number;
  failed: number;
}
