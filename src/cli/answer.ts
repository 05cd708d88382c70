import { WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import { OpsError, messageOf } from '../model/errors.ts';
import { names, type Answer } from '../model/run.ts';
import { grpcCode, grpcStatus, isNotFound, type Temporal } from './client.ts';
import { unknownRun } from './served.ts';

const answerMs = 10_000;

/**
 * Answers a prompt of a run.
 * @throws ANSWER_REFUSED with the reason (no such prompt, not one of the choices, answered before), RUN_UNKNOWN, NO_WORKER
 */
export async function sendAnswer({ client, connection }: Temporal, run: string, answer: Answer): Promise<void> {
  try {
    const handle = client.workflow.getHandle(run);
    await connection.withDeadline(Date.now() + answerMs, () =>
      handle.executeUpdate<string, [Answer]>(names.answer, { args: [answer] }),
    );
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError)
      throw new OpsError('usage', 'ANSWER_REFUSED', messageOf(error.cause ?? error));
    if (isNotFound(error)) throw unknownRun(run);
    const late =
      error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || grpcCode(error) === grpcStatus.deadlineExceeded;
    if (!late) throw error;
    throw new OpsError(
      'usage',
      'NO_WORKER',
      `no worker took the answer within ${answerMs / 1000} s (is one running?): see 'cookbook show ${run}' whether it still counts`,
    );
  }
}
