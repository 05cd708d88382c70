import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the recorded histories are; each is replayed with the present code by replay.test.ts. */
export const histories = join(import.meta.dirname, 'histories');

/**
 * Records the history of a run in the format of `temporal workflow show -o json`, an event a line, without the stack
 * traces and identities of workers.
 * @param handle the run; its latest execution unless the handle names one
 * @param name `COOKBOOK.WHAT-HAPPENS`, such as `sre.hosts.reimage.good`; an earlier history of that name is replaced
 * @returns the file it was written to
 */
export async function recordHistory(handle: WorkflowHandle, name: string): Promise<string> {
  const json = historyToJSON(await handle.fetchHistory());
  const { events } = JSON.parse(json, (key, value: unknown) =>
    key === 'stackTrace' || key === 'identity' ? undefined : value,
  ) as { events: unknown[] };
  const file = join(histories, `${name}.json`);
  mkdirSync(histories, { recursive: true });
  writeFileSync(file, `{"events":[\n${events.map((event) => JSON.stringify(event)).join(',\n')}\n]}\n`);
  return file;
}
