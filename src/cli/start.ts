import { randomBytes } from 'node:crypto';
import { OpsError, messageOf } from '../model/errors.ts';
import type { RunContext, RunInput } from '../model/run.ts';
import { searchAttributes } from '../model/search-attributes.ts';
import { grpcCode, grpcStatus, type Temporal } from './client.ts';

/** `sre.hosts.reboot/20261122-010203-alice-4f2a`: readable, and new each time. */
export function newRunId(cookbook: string, user: string, now = new Date()): string {
  const [date = '', time = ''] = now.toISOString().split('T');
  const stamp = `${date.replaceAll('-', '')}-${time.slice(0, 8).replaceAll(':', '')}`;
  return `${cookbook}/${stamp}-${user}-${randomBytes(2).toString('hex')}`;
}

/**
 * Starts a run.
 * @returns its id and the id of its first execution
 * @throws SEARCH_ATTRIBUTE_MISSING when the namespace was not prepared
 */
export async function startRun(
  { client, config, namespace }: Temporal,
  cookbook: string,
  input: RunInput & { context: RunContext },
): Promise<{ run: string; execution: string }> {
  const { user, dryRun, task } = input.context;
  const run = newRunId(cookbook, user);
  try {
    const handle = await client.workflow.start(cookbook, {
      workflowId: run,
      taskQueue: config.temporal.task_queue,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      args: [input],
      staticSummary: cutToBytes(`${dryRun ? '[dry-run] ' : ''}cookbook ${[cookbook, ...input.argv].join(' ')}`, 400),
      typedSearchAttributes: [
        { key: searchAttributes.Operator, value: user },
        { key: searchAttributes.Phase, value: 'starting' },
        { key: searchAttributes.DryRun, value: dryRun },
        { key: searchAttributes.NeedsAnswer, value: false },
        ...(task === undefined ? [] : [{ key: searchAttributes.Task, value: task }]),
      ],
    });
    return { run, execution: handle.firstExecutionRunId };
  } catch (error) {
    const why = messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
    if (grpcCode(error) !== grpcStatus.invalidArgument || !/search attribute/i.test(why)) throw error;
    const needed = Object.values(searchAttributes).map(({ name, type }) => `${name} (${type})`);
    throw new OpsError(
      'usage',
      'SEARCH_ATTRIBUTE_MISSING',
      `${why}: register ${needed.join(', ')} in the namespace ${namespace} with 'temporal operator search-attribute create'`,
    );
  }
}

/** The longest beginning of the text that has no more bytes than that. */
function cutToBytes(text: string, most: number): string {
  let cut = text.slice(0, most);
  while (Buffer.byteLength(cut) > most) cut = cut.slice(0, -1);
  return cut;
}
