import {
  defaultPayloadConverter,
  workflowInfo,
  type Headers,
  type WorkflowInterceptorsFactory,
} from '@temporalio/workflow';
import { fencesHeader, packFence, unpackFence, type Fence } from '../../src/model/fence.ts';
import { contextHeader, logAttributes, type RunContext } from '../../src/model/run.ts';
import { fencesHeld, fencesHere, inheritFences, inheritedFences } from './fences.ts';
import { frames } from './frame.ts';

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

const fencesOf = (fences: readonly Fence[]): Headers =>
  fences.length === 0 ? {} : { [fencesHeader]: defaultPayloadConverter.toPayload(fences.map(packFence)) };

// What the engine does for itself, such as giving a lock back, asks for no lock.
const underLocks = (): boolean => ['write', 'undo'].includes(frames.getStore()?.kind ?? '');

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
        const fences = input.headers[fencesHeader];
        if (fences) inheritFences(defaultPayloadConverter.fromPayload<Fence[]>(fences).map(unpackFence));
        return next(input);
      },
    },
  ],
  outbound: [
    {
      scheduleActivity: (input, next) =>
        next({ ...input, headers: { ...input.headers, ...headers, ...(underLocks() ? fencesOf(fencesHere()) : {}) } }),
      startChildWorkflowExecution: (input, next) =>
        next({ ...input, headers: { ...input.headers, ...childHeaders(), ...fencesOf(fencesHeld()) } }),
      continueAsNew: (input, next) =>
        next({ ...input, headers: { ...input.headers, ...headers, ...fencesOf(inheritedFences()) } }),
      getLogAttributes: (attributes, next) => next({ ...attributes, ...(begun && logAttributes(runContext())) }),
    },
  ],
});
