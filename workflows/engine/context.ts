import {
  defaultPayloadConverter,
  workflowInfo,
  type Headers,
  type WorkflowInterceptorsFactory,
} from '@temporalio/workflow';
import { contextHeader, logAttributes, type RunContext } from '../../src/model/run.ts';

let headers: Headers = {};
let found: RunContext | undefined;
let begun = false;

/** A run that carries no context, such as one started by hand in the UI, may look at everything and change nothing. */
const unknownOperator: RunContext = {
  user: '-',
  host: '-',
  dryRun: true,
  noLocks: true,
  verbose: false,
  onFailure: 'rollback',
};

/** Who started this run and under which rules. */
export const runContext = (): RunContext => found ?? unknownOperator;

// A child run speaks in the log files of the cookbook its operator started.
const childHeaders = (): Headers =>
  found === undefined
    ? headers
    : { [contextHeader]: defaultPayloadConverter.toPayload({ logsOf: workflowInfo().workflowType, ...found }) };

/** Reads the context of the run from its header, and hands it on to every activity, child run and continuation. */
export const interceptors: WorkflowInterceptorsFactory = () => ({
  inbound: [
    {
      execute(input, next) {
        begun = true;
        const payload = input.headers[contextHeader];
        if (payload) {
          found = {
            ...defaultPayloadConverter.fromPayload<RunContext>(payload),
            origin: workflowInfo().firstExecutionRunId,
          };
          headers = { [contextHeader]: defaultPayloadConverter.toPayload(found) };
        }
        return next(input);
      },
    },
  ],
  outbound: [
    {
      scheduleActivity: (input, next) => next({ ...input, headers: { ...input.headers, ...headers } }),
      startChildWorkflowExecution: (input, next) =>
        next({ ...input, headers: { ...input.headers, ...childHeaders() } }),
      continueAsNew: (input, next) => next({ ...input, headers: { ...input.headers, ...headers } }),
      getLogAttributes: (attributes, next) => next({ ...attributes, ...(begun && logAttributes(runContext())) }),
    },
  ],
});
