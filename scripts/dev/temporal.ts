import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { searchAttributes } from '../../src/model/search-attributes.ts';
import { taskQueue, temporalAddress } from './settings.ts';

const namespace = 'default';
const retentionDays = 30;
// Numbers of temporal.api.enums.v1.IndexedValueType.
const indexedTypes = { TEXT: 1, KEYWORD: 2, INT: 3, DOUBLE: 4, BOOL: 5, DATETIME: 6, KEYWORD_LIST: 7 } as const;

async function ask<T>(question: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: temporalAddress, connectTimeout: 1_000 });
  try {
    return await question(connection);
  } finally {
    await connection.close();
  }
}

/** Whether the server serves the namespace. */
export const isServing = (): Promise<boolean> =>
  ask(({ workflowService }) => workflowService.describeNamespace({ namespace })).then(
    () => true,
    () => false,
  );

/** Sets the retention and registers the search attributes that are missing: the server's own flag does so only in a new database. */
export const prepareNamespace = (): Promise<void> =>
  ask(async ({ workflowService, operatorService }) => {
    const { config } = await workflowService.describeNamespace({ namespace });
    const seconds = retentionDays * 86_400;
    if (Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) !== seconds)
      await workflowService.updateNamespace({
        namespace,
        config: { workflowExecutionRetentionTtl: msToTs(seconds * 1000) },
      });
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    const missing = Object.values(searchAttributes).filter(({ name }) => !(name in customAttributes));
    if (missing.length > 0)
      await operatorService.addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(missing.map(({ name, type }) => [name, indexedTypes[type]])),
      });
  });

/** Whether a worker has asked the server for work since then; the server lists dead ones for five minutes too. */
export const isPolled = (sinceMs: number): Promise<boolean> =>
  ask(({ workflowService }) => workflowService.describeTaskQueue({ namespace, taskQueue: { name: taskQueue } })).then(
    ({ pollers }) =>
      pollers.some(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000 >= sinceMs - 1_000),
    () => false,
  );
