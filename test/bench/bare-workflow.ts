import { proxyActivities } from '@temporalio/workflow';

const { noop } = proxyActivities<{ noop: () => Promise<void> }>({ startToCloseTimeout: '1 minute' });

/** The same number of activities in a workflow that is nothing else: what Temporal itself costs. */
export async function bare(steps: number): Promise<void> {
  for (let i = 0; i < steps; i++) await noop();
}
