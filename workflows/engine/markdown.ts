const encoder = new TextEncoder();

/** UTF-8 length, which is what the server bounds. */
export const byteLength = (text: string): number => encoder.encode(text).length;

// A page is rendered at each change of its run: most texts are none of these.
const special = /\s\s|[\t\r\n\\`*_[\]<>|~#&]|--|^\s|\s$/;

/** Text of others as one line in which nothing is markup, cut after `most` characters. */
export function plain(text: string, most = 160): string {
  if (text.length <= most && !special.test(text)) return text;
  const line = text
    .slice(0, 4 * most)
    .replaceAll(/\s+/g, ' ')
    .trim();
  const cut = line.length > most ? `${line.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, '')}…` : line;
  // The UI prints two hyphens as a dash.
  return cut.replaceAll(/[\\`*_[\]<>|~#&]/g, '\\$&').replaceAll('--', '\\-\\-');
}

/** A word of a command line as a shell takes it. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** A list of commands to be copied; a fenced block would hide what is wider than half the window. */
export const commands = (...lines: (readonly [command: string, note?: string])[]): string =>
  lines.map(([command, note]) => `- ${code(command)}${note === undefined ? '' : ` ${note}`}`).join('\n');

const code = (text: string): string => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``);

/** A table of two columns; the UI leaves no room between columns, so the first brings its own. */
export const table = (head: readonly [string, string], rows: readonly string[]): string[] =>
  rows.length === 0 ? [] : [[`| ${head.join('\u2003 | ')} |`, '|:---|:---|', ...rows].join('\n')];

/** A row of a {@link table}; its cells are Markdown. */
export const row = (first: string, second: string): string => `| ${first}\u2003 | ${second} |`;

/** As many of the parts, from the first, as fit into so many bytes. */
export function fitting(parts: readonly string[], bytes: number): readonly string[] {
  if (parts.reduce((sum, { length }) => sum + 3 * length + 2, 0) <= bytes) return parts;
  let room = bytes;
  const over = parts.findIndex((part) => (room -= byteLength(part) + 2) < 0);
  return parts.slice(0, over === -1 ? parts.length : over);
}

/** `2026-11-22 03:12:05 UTC`: the page does not refresh itself, a length of time would soon be wrong. */
export const clock = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
