import type { activityInfo, Context } from '@temporalio/activity';

type Info = ReturnType<typeof activityInfo>;

/** Taken sooner than this by the worker's own clock, a first attempt has not waited. */
const atOnceMs = 1000;

/**
 * Milliseconds from when an activity was scheduled to now, when an attempt begins: the time without a worker counts. By the
 * server's clock, as that of a worker may jump; not asked for when a first attempt is taken at once, which costs nothing.
 */
export async function elapsedMs(info: Info, context: Context): Promise<number> {
  const { attempt, scheduledTimestampMs: first, currentAttemptScheduledTimestampMs: asked } = info;
  if (attempt === 1 && Math.abs(Date.now() - first) < atOnceMs) return 0;
  try {
    const { workflowId = '', runId } = info.workflowExecution ?? {};
    const { raw } = await context.client.workflow.getHandle(workflowId, runId ?? undefined).describe();
    const own = raw.pendingActivities?.find(({ activityId }) => activityId === info.activityId);
    if (own?.lastStartedTime)
      return Number(own.lastStartedTime.seconds) * 1000 + (own.lastStartedTime.nanos ?? 0) / 1e6 - first;
  } catch {
    // The server is away for a moment.
  }
  return Math.max(Date.now(), asked) - first;
}
