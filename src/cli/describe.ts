import type { WorkflowExecutionDescription } from '@temporalio/client';
import { OpsError } from '../model/errors.ts';
import { isNotFound, type Temporal } from './client.ts';
import { unknownRun } from './served.ts';

/** What the server itself knows of a run. @throws RUN_UNKNOWN */
export async function describeRun({ client }: Temporal, run: string): Promise<WorkflowExecutionDescription> {
  try {
    return await client.workflow.getHandle(run).describe();
  } catch (error) {
    throw isNotFound(error) ? unknownRun(run) : error;
  }
}

/** The same for a run that must not have ended. @throws RUN_UNKNOWN, RUN_CLOSED */
export async function describeOpenRun(temporal: Temporal, run: string): Promise<WorkflowExecutionDescription> {
  const found = await describeRun(temporal, run);
  if (found.status.name === 'RUNNING') return found;
  const when = found.closeTime === undefined ? '' : ` at ${found.closeTime.toISOString()}`;
  throw new OpsError('usage', 'RUN_CLOSED', `${run} ended${when} (${found.status.name}): see 'cookbook show ${run}'`);
}
