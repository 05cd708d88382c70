import { invalidOption } from '../model/errors.ts';

/** Which of conftool's objects are meant: each tag a regular expression that the whole tag matches. */
export interface Selection {
  entity: string;
  tags: Readonly<Record<string, string>>;
}

/**
 * A selection as arguments for a program, `TAG=^(REGEX)$` each.
 * @throws OPTION_INVALID
 */
export function selectors({ entity, tags }: Selection): string[] {
  if (!isWord(entity)) throw invalidOption('entity', entity, "is no type of conftool's objects: give for example node");
  if (Object.keys(tags).length === 0)
    throw invalidOption(
      'tags',
      tags,
      "are none: give for example { cluster: 'web' }, or { name: '.*' } for every host",
    );
  return Object.entries(tags).map(([tag, regex]) => {
    if (!isWord(tag))
      throw invalidOption('tags', tag, 'is no name of a tag: give for example dc, cluster, service or name');
    // One left empty by mistake would match what has no such tag.
    if (typeof regex !== 'string' || regex === '' || /[\0\n]/.test(regex))
      throw invalidOption(`tags.${tag}`, regex, 'is no text of one line: give for example eqiad, or .* for any');
    const why = objection(regex);
    if (why !== undefined) throw invalidOption(`tags.${tag}`, regex, `is no regular expression (${why})`);
    return `${tag}=^(${regex})$`;
  });
}

// A slip is told at once; the program may know another dialect, and refuse more.
function objection(regex: string): string | undefined {
  try {
    new RegExp(regex);
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^.*: /, '');
  }
}

const isWord = (text: unknown) => typeof text === 'string' && /^[A-Za-z_][\w-]*$/.test(text);
