import type { activityInfo, Context } from '@temporalio/activity';

type Info = ReturnType<typeof activityInfo>;

/**
 * Milliseconds from when an activity's first attempt was asked for to now, when an attempt begins. By the server's clock,
 * as that of a worker may jump; asked for again only after a first attempt, so that the usual case costs nothing.
 */
export async function elapsedMs(info: Info, context: Context): Promise<number> {
  const { attempt, scheduledTimestampMs: first, currentAttemptScheduledTimestampMs: asked } = info;
  if (attempt === 1) return 0;
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
