import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultPayloadConverter } from '@temporalio/common';
import type { HistoryEvent } from '../../../src/cli/follow/history.ts';
import { Narrator } from '../../../src/cli/follow/narrate.ts';

const payload = (value: unknown) => defaultPayloadConverter.toPayload(value);
const payloads = (...values: unknown[]) => ({ payloads: values.map(payload) });

/** A history that grows by one event with each call, one second after the other. */
function history() {
  let id = 0;
  return (attributes: object, summary?: string): HistoryEvent =>
    ({
      eventId: ++id,
      eventTime: { seconds: 1_700_000_000 + id, nanos: 0 },
      ...(summary !== undefined && { userMetadata: { summary: payload(summary) } }),
      ...attributes,
    }) as unknown as HistoryEvent;
}

const scheduled = (type: string, activityId: string) => ({
  activityTaskScheduledEventAttributes: { activityType: { name: type }, activityId },
});
const tell = (narrator: Narrator, ...events: HistoryEvent[]) => narrator.tell(events).map((line) => line.slice(9));

test('the beginning of an activity is told unless its end is known, its end with its time', () => {
  const [event, narrator] = [history(), new Narrator('run', false)];
  const begin = event(scheduled('ipmi.powerCycle', 'cycle'), 'power cycle');
  const end = event({ activityTaskCompletedEventAttributes: { scheduledEventId: 1 } });
  assert.deepEqual(tell(narrator, begin, end), ['✓ power cycle (1s)']);
  const again = event(scheduled('ipmi.powerCycle', 'cycle/1'), 'power cycle');
  assert.deepEqual(tell(narrator, again), ['▶ power cycle']);
  assert.equal(narrator.workOf('cycle/1')?.label, 'power cycle');
  assert.deepEqual(tell(narrator, event({ activityTaskCanceledEventAttributes: { scheduledEventId: 3 } })), [
    '↩ power cycle (1s): cancelled',
  ]);
  assert.equal(narrator.workOf('cycle/1'), undefined);
});

test('an execution that continues another is not taken for it, although its events have the same numbers', () => {
  const [first, second, narrator] = [history(), history(), new Narrator('run', false)];
  tell(
    narrator,
    first(scheduled('locks.keep', 'keep'), 'keep the lock'),
    first({ workflowExecutionContinuedAsNewEventAttributes: { newExecutionRunId: 'next' } }),
  );
  assert.deepEqual(tell(narrator, second({ activityTaskCompletedEventAttributes: { scheduledEventId: 1 } })), []);
});

test('a failure is told with its innermost reason', () => {
  const [event, narrator] = [history(), new Narrator('run', false)];
  const failure = { message: 'activity failed', cause: { message: 'BMC does not answer' } };
  assert.deepEqual(
    tell(
      narrator,
      event(scheduled('ipmi.powerCycle', 'a'), 'power cycle'),
      event({ activityTaskFailedEventAttributes: { scheduledEventId: 1, failure } }),
    ),
    ['✗ power cycle (1s): BMC does not answer'],
  );
});

test("the engine's own activities and timers that only bound a wait are told when asked for", () => {
  for (const verbose of [false, true]) {
    const [event, narrator] = [history(), new Narrator('run', verbose)];
    const own = [
      event(scheduled('announce.sal', 'START'), 'announce START'),
      event({ timerStartedEventAttributes: { startToFireTimeout: { seconds: 180 } } }, 'then tell IRC'),
    ];
    assert.deepEqual(tell(narrator, ...own), verbose ? ['▶ announce START', '▶ then tell IRC (3m)'] : []);
    assert.equal(narrator.workOf('START')?.quiet, !verbose);
  }
  const [event, narrator] = [history(), new Narrator('run', false)];
  assert.deepEqual(
    tell(
      narrator,
      event({ timerStartedEventAttributes: { startToFireTimeout: { seconds: 600 } } }, 'watch the canaries'),
    ),
    ['▶ watch the canaries (10m)'],
  );
  assert.deepEqual(tell(narrator, event({ timerFiredEventAttributes: { startedEventId: 1 } })), [
    '✓ watch the canaries (1s)',
  ]);
});

test('hosts of a fleet are told by name: started, passed, failed with what is left, parked', () => {
  const [event, narrator] = [history(), new Narrator('fleet/1', false)];
  const child = (id: string) => ({
    childWorkflowExecutionStartedEventAttributes: {
      initiatedEventId: id,
      workflowExecution: { workflowId: `fleet/1/${id}` },
    },
  });
  assert.deepEqual(tell(narrator, event(child('h1')), event(child('h2'))), ['▶ h1 starts', '▶ h2 starts']);
  const result = { exitCode: 93, status: 'FAIL', error: 'no power', notUndone: ['silence'] };
  const failure = { message: 'x', applicationFailureInfo: { type: 'CookbookFailed', details: payloads(result) } };
  const parked = payloads({ run: 'fleet/1/h1', message: 'go on?', choices: ['go', 'roll back'] });
  assert.deepEqual(
    tell(
      narrator,
      event({ workflowExecutionSignaledEventAttributes: { signalName: 'parked', input: parked } }),
      event({ workflowExecutionSignaledEventAttributes: { signalName: 'unparked', input: parked } }),
      event({ childWorkflowExecutionCompletedEventAttributes: { initiatedEventId: 'h1' } }),
      event({ childWorkflowExecutionFailedEventAttributes: { initiatedEventId: 'h2', failure } }),
    ),
    [
      "? h1 asks: go on? (cookbook answer fleet/1/h1 go|'roll back')",
      '✓ h1 passed (4s)',
      '✗ h2 failed with 93 (4s): no power; NOT undone: silence',
    ],
  );
});

test('what people do to a run is told with who did it', () => {
  const [event, narrator] = [history(), new Narrator('run', false)];
  const input = { name: 'answer', args: payloads({ value: 'go', by: 'bob' }) };
  assert.deepEqual(
    tell(
      narrator,
      event({ workflowExecutionUpdateAcceptedEventAttributes: { acceptedRequest: { input } } }),
      event({
        workflowExecutionSignaledEventAttributes: { signalName: 'width', input: payloads(3), identity: 'eve@h' },
      }),
      event({ workflowExecutionCancelRequestedEventAttributes: { identity: 'eve@h' } }),
    ),
    ['== bob answered: go', '== width 3 (eve@h)', '== cancelled by eve@h'],
  );
});

test('whether a person is waited for, and the phase of a rollback, come from the search attributes', () => {
  const [event, narrator] = [history(), new Narrator('run', false)];
  const upsert = (fields: Record<string, unknown>) =>
    event({
      upsertWorkflowSearchAttributesEventAttributes: {
        searchAttributes: {
          indexedFields: Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, payload(value)])),
        },
      },
    });
  assert.deepEqual(tell(narrator, upsert({ Phase: 'running' }), upsert({ NeedsAnswer: true })), []);
  assert.equal(narrator.needsAnswer, true);
  assert.deepEqual(tell(narrator, upsert({ NeedsAnswer: false }), upsert({ Phase: 'rolling back' })), [
    '== rolling back',
  ]);
  assert.equal(narrator.needsAnswer, false);
});

test('each way a run can close is an outcome with its exit code', () => {
  const outcome = (attributes: object) => {
    const narrator = new Narrator('run', false);
    narrator.tell([history()(attributes)]);
    return narrator.outcome;
  };
  const passed = { exitCode: 0, status: 'PASS', report: { a: 1 } };
  assert.deepEqual(outcome({ workflowExecutionCompletedEventAttributes: { result: payloads(passed) } }), passed);
  const failed = { exitCode: 93, status: 'FAIL', error: 'x', notUndone: ['y'] };
  const failure = { applicationFailureInfo: { type: 'CookbookFailed', details: payloads(failed) } };
  assert.deepEqual(outcome({ workflowExecutionFailedEventAttributes: { failure } }), failed);
  assert.deepEqual(outcome({ workflowExecutionFailedEventAttributes: { failure: { message: 'a bug' } } }), {
    exitCode: 99,
    status: 'ERROR',
    error: 'a bug',
  });
  assert.equal(outcome({ workflowExecutionCanceledEventAttributes: {} })?.exitCode, 97);
  for (const end of ['Terminated', 'TimedOut']) {
    const ended = outcome({ [`workflowExecution${end}EventAttributes`]: { identity: 'eve', reason: 'why' } });
    assert.equal(ended?.exitCode, 99);
    assert.match(ended.warning ?? '', /nothing was undone/);
  }
  assert.equal(outcome({ timerStartedEventAttributes: {} }), undefined);
});
