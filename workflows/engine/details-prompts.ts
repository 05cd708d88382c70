import type { Prompt, RunStatusReport } from '../../src/model/run.ts';
import { clock, commands, fitting, plain, shellWord } from './markdown.ts';

const most = 5;

/** What the run and the hosts of its fleet ask, each with a command for every answer. */
export function renderPrompts({ prompts, fleet }: RunStatusReport, run: string, bytes: number): readonly string[] {
  const parked = fleet?.hosts.filter(({ state }) => state === 'parked') ?? [];
  const all = [
    ...prompts.map((prompt) =>
      question(
        `**This run needs an answer** since ${clock(prompt.since)}`,
        run,
        prompt,
        prompts.length > 1 ? ` --prompt ${prompt.id}` : '',
      ),
    ),
    ...parked
      .slice(0, most)
      .map(({ host, error: message = '', choices }) =>
        question(`**${plain(host)} needs an answer**`, `${run}/${host}`, { message, ...(choices && { choices }) }),
      ),
  ];
  const shown = fitting(all.slice(0, most), bytes);
  const more = prompts.length + parked.length - shown.length;
  return more === 0 ? shown : [...shown, `${more} more need an answer: \`cookbook prompts\` lists them.`];
}

function question(
  who: string,
  run: string,
  { message, choices }: Pick<Prompt, 'message' | 'choices'>,
  which = '',
): string {
  const answers = (choices ?? ['YOUR ANSWER']).slice(0, 10);
  const lines = answers.map((answer) => [`cookbook answer ${shellWord(run)} ${shellWord(answer)}${which}`] as const);
  return [`> ${who}: ${plain(message, 300)}\n`, commands(...lines)].join('\n');
}
