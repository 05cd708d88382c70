import {
  ApplicationFailure,
  condition,
  currentUpdateInfo,
  defineQuery,
  defineUpdate,
  getExternalWorkflowHandle,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { OpsError } from '../../src/model/errors.ts';
import { names, type Answer, type Parked, type Prompt, type RunStatusReport } from '../../src/model/run.ts';
import { call } from './call.ts';
import { isCancelled } from './failure.ts';
import { frames } from './frame.ts';
import { currentRun } from './run-state.ts';

const answer = defineUpdate<string, [Answer]>(names.answer);
const status = defineQuery<RunStatusReport>(names.status);
const nudgeAfterMs = 180_000;

/** Lets anybody ask for the run's status and answer its prompts; call before the first await of the workflow. */
export function servePrompts(): void {
  const run = currentRun();
  setHandler(status, () => run.status(), { description: 'What the run does now, what is done and what it waits for' });
  setHandler(defineQuery<unknown>(names.report), () => run.report, {
    description: 'What the run has handed back so far',
  });
  setHandler(
    answer,
    (given) => {
      const prompt = run.prompts.get(target(given).id);
      if (prompt) Object.assign(prompt, { answer: given.value, by: given.by });
      return `answered by ${given.by} (${currentUpdateInfo()?.id ?? ''})`;
    },
    {
      validator: (given: Answer) => void target(given),
      description: "Answers the run's prompt: { value, by, prompt? }",
    },
  );
}

function target(given: Answer): Prompt {
  const run = currentRun();
  const open = [...run.prompts.values()].filter((prompt) => prompt.answer === undefined);
  const prompt = given.prompt === undefined ? open[0] : open.find(({ id }) => id === given.prompt);
  if (!prompt)
    throw refused(
      given.prompt === undefined ? 'the run waits for no answer' : `the run has no open prompt '${given.prompt}'`,
    );
  if (given.prompt === undefined && open.length > 1)
    throw refused(`the run has ${open.length} open prompts, say which: ${open.map(({ id }) => id).join(', ')}`);
  if (prompt.choices && !prompt.choices.includes(given.value))
    throw refused(`'${given.value}' is no answer to '${prompt.message}': choose one of ${prompt.choices.join(', ')}`);
  return prompt;
}

const refused = (message: string) => ApplicationFailure.nonRetryable(message, 'AnswerRefused');

/** Parks the run until a person, anywhere, answers; the answer is one of `choices`, or any text without them. */
export async function ask(message: string, choices?: readonly string[]): Promise<string> {
  const run = currentRun();
  const name = run.uniqueName(`prompt: ${message}`);
  const carried = run.carry.results[name];
  if (carried) return carried.value as string;
  const prompt: Prompt & { answer?: string; by?: string } = {
    id: String(run.nextPrompt++),
    message,
    since: Date.now(),
    ...(choices && { choices }),
  };
  const report = run.begin(name, 'prompt');
  run.prompts.set(prompt.id, prompt);
  run.promptsChanged();
  try {
    await tellParent(names.parked, prompt);
    const answered = () => prompt.answer !== undefined;
    if (!(await condition(answered, nudgeAfterMs, { summary: `waits for an answer: ${message}`.slice(0, 120) }))) {
      await nudge(message);
      await condition(answered);
    }
    const value = prompt.answer ?? '';
    run.carry.results[name] = { value };
    run.end(report, 'done', `${value} (${prompt.by ?? ''})`);
    return value;
  } catch (error) {
    run.end(report, 'failed', isCancelled(error) ? 'cancelled' : undefined);
    throw error;
  } finally {
    run.prompts.delete(prompt.id);
    run.promptsChanged();
    await tellParent(names.unparked, prompt);
  }
}

async function nudge(message: string): Promise<void> {
  const run = currentRun();
  if (run.context.dryRun || run.effects['announce.irc'] === undefined) return;
  const frame = {
    id: run.uniqueName('nudge'),
    label: 'tell IRC that input is awaited',
    kind: 'engine' as const,
    calls: 0,
  };
  await frames.run(frame, () =>
    call('announce.irc', {
      text: `${run.cookbook} (${workflowInfo().workflowId}) is awaiting input: ${message}`,
      userInput: true,
    }),
  );
}

// A fleet counts its parked hosts, so that a person sees them on its page.
async function tellParent(news: string, { message, choices }: Prompt): Promise<void> {
  const parent = workflowInfo().parent;
  if (!parent) return;
  try {
    const parked: Parked = { run: workflowInfo().workflowId, message, ...(choices && { choices }) };
    await getExternalWorkflowHandle(parent.workflowId).signal(news, parked);
  } catch (error) {
    if (isCancelled(error)) throw error; // a parent that is gone needs no news
  }
}

/** Asks for `go` or `abort`. @throws ABORTED */
export async function askConfirmation(message: string): Promise<void> {
  if (currentRun().context.dryRun) return void currentRun().plan.push(`ask: ${message}`);
  if ((await ask(message, ['go', 'abort'])) === 'abort')
    throw new OpsError('failed', 'ABORTED', `aborted at: ${message}`);
}
