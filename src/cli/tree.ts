import type { Catalog } from '../cookbooks/catalog.ts';

interface Line {
  name: string;
  text: string;
  children: Line[];
}

/**
 * The tree of cookbooks as `cookbook --list` prints it (spicerack.md 1.9): full names with their teams, sorted by bytes.
 * @param prefix shows the names that begin with it and the groups they are in
 * @param titles with the titles of cookbooks and groups
 * @returns the lines; none when there is no cookbook
 */
export function treeLines({ cookbooks, groups }: Catalog, prefix = '', titles = false): string[] {
  const root: Line = { name: '', text: 'cookbooks', children: [] };
  const byName = new Map([['', root]]);
  const titled = (name: string, title: string) => (titles ? `${name}: ${title}` : name);
  const groupLine = (name: string): Line => {
    const known = byName.get(name);
    if (known) return known;
    const line: Line = { name, text: titled(name, groups[name] ?? '-'), children: [] };
    byName.set(name, line);
    groupLine(name.slice(0, Math.max(0, name.lastIndexOf('.')))).children.push(line);
    return line;
  };
  for (const { name, title, team, group } of cookbooks)
    if (name.startsWith(prefix.slice(0, name.length)))
      groupLine(group).children.push({ name, text: `${titled(name, title)} [${team}]`, children: [] });
  return root.children.length === 0 ? [] : [root.text, ...below(root, '')];
}

function below({ children }: Line, indent: string): string[] {
  const sorted = children.toSorted((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  return sorted.flatMap((line, i) => {
    const last = i === sorted.length - 1;
    return [`${indent}${last ? '`-- ' : '|-- '}${line.text}`, ...below(line, indent + (last ? '    ' : '|   '))];
  });
}
