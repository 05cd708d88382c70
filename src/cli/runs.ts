import type { WorkflowExecutionInfo } from '@temporalio/client';
import { searchAttributes } from '../model/search-attributes.ts';
import type { Temporal } from './client.ts';

/** One run as lists show it. */
export interface ListedRun {
  run: string;
  cookbook: string;
  operator: string;
  phase: string;
  since: Date;
  needsAnswer: boolean;
}

const ours = `${searchAttributes.Operator.name} IS NOT NULL`;
const open = "ExecutionStatus = 'Running'";
const waiting = `${searchAttributes.NeedsAnswer.name} = true`;

/** What to list: runs that are no other's child, open or all, or every open run that waits for a person. */
export const queries = {
  open: `${ours} AND ${open} AND (ParentWorkflowId IS NULL OR ${waiting})`,
  all: `${ours} AND ParentWorkflowId IS NULL AND ExecutionStatus != 'ContinuedAsNew'`,
  waiting: `${ours} AND ${open} AND ${waiting}`,
} as const;

/** The runs that a query finds, newest first, at most so many. */
export async function listRuns({ client }: Temporal, query: string, most: number): Promise<ListedRun[]> {
  const found: ListedRun[] = [];
  for await (const info of client.workflow.list({ query, pageSize: Math.min(most, 200) })) {
    found.push(listed(info));
    if (found.length === most) break;
  }
  return found;
}

function listed({
  workflowId,
  type,
  startTime,
  status,
  typedSearchAttributes: attributes,
}: WorkflowExecutionInfo): ListedRun {
  const phase = attributes.get(searchAttributes.Phase) ?? '';
  const outside = ['RUNNING', 'COMPLETED', 'FAILED'].includes(status.name) ? '' : status.name.toLowerCase();
  return {
    run: workflowId,
    cookbook: `${type}${attributes.get(searchAttributes.DryRun) ? ' (dry run)' : ''}`,
    operator: attributes.get(searchAttributes.Operator) ?? '-',
    phase: outside || phase,
    since: startTime,
    needsAnswer: attributes.get(searchAttributes.NeedsAnswer) ?? false,
  };
}
