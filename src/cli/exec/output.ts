import { type Execution, notContacted } from '../../model/execution.ts';
import { type HostResult, resultCodes } from '../../model/remote-result.ts';

/** Lines of an output as Cumin takes them: by line feed, and of what overwrites itself on a terminal only the last. */
export const linesOf = (output: string): string[] =>
  output === ''
    ? []
    : output
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => line.replace(/\r$/, '').replace(/^.*\r/s, ''));

/** An output as it is compared and shown: without the end of its last line. */
export const messageOf = ({ output }: Pick<HostResult, 'output'>): string => linesOf(output).join('\n');

/** What stands before the outputs in Cumin's `-o` forms. */
const separator = '_____FORMATTED_OUTPUT_____';

/** `HOST: LINE` for each line, hosts in the order of their letters. */
function txt(results: readonly HostResult[]): string[] {
  const byHost = results.map(({ host, output }) => ({ host, lines: linesOf(output) }));
  byHost.sort((a, b) => (a.host < b.host ? -1 : 1));
  return byHost.flatMap(({ host, lines }) => lines.map((line) => `${host}: ${line}`));
}

/** One object of host and output, written as Python writes it. */
function json(results: readonly HostResult[]): string[] {
  const said = results.filter(({ output }) => output !== '').sort((a, b) => (a.host < b.host ? -1 : 1));
  const members = said.map((result) => `    ${ascii(result.host)}: ${ascii(messageOf(result))}`);
  return members.length === 0 ? ['{}'] : ['{', members.join(',\n'), '}'];
}

const ascii = (text: string): string =>
  JSON.stringify(text).replaceAll(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** One object a line for each host and command, in their order; hosts that got no command have one too. */
function ndjson(execution: Execution): string[] {
  const results = execution.results.map(
    ({ host, command, exitCode, signal, ok, output, truncatedBytes, durationMs, error }) => ({
      host,
      command,
      exitCode,
      ...(signal !== undefined && { signal }),
      ok,
      output,
      ...(truncatedBytes > 0 && { truncatedBytes }),
      durationMs,
      error: error ?? null,
    }),
  );
  const error = { kind: 'failed', code: resultCodes.notSent, message: 'no command was sent to it' };
  const others = notContacted(execution).map((host) => {
    const command = execution.commands[0]?.command ?? '';
    return { host, command, exitCode: null, ok: false, output: '', durationMs: 0, error };
  });
  return [...results, ...others].map((result) => JSON.stringify(result));
}

/** The outputs in one of the forms of `-o`, for stdout. */
export function formatted(execution: Execution, form: 'txt' | 'json' | 'ndjson'): string[] {
  if (form === 'ndjson') return ndjson(execution);
  return [separator, ...(form === 'txt' ? txt : json)([...execution.results])];
}
