import { globSync, readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { glob } from './known-hosts.ts';

/** As OpenSSH takes it: from the list of users, not from HOME. */
export const home = userInfo().homedir;

/** What an OpenSSH client configuration says of one host: the arguments of each keyword, in lower case. */
export type Said = Map<string, string[]>;

/** Keywords that are obeyed, or refused; `proxy` is whichever of ProxyJump and ProxyCommand comes first. */
const obeyed = new Set(
  (
    'hostname port user identityfile identitiesonly identityagent certificatefile proxyjump proxycommand ' +
    'userknownhostsfile globalknownhostsfile revokedhostkeys knownhostscommand hostkeyalias stricthostkeychecking ' +
    'connecttimeout serveraliveinterval serveralivecountmax'
  ).split(' '),
);
/** Keywords whose values add up; of the others the first counts. */
const adding = new Set(['identityfile', 'certificatefile']);
const numbers = new Set(['port', 'connecttimeout', 'serveraliveinterval', 'serveralivecountmax']);
/** What only OpenSSH itself evaluates. */
const beyond = /^(match|tag|ignoreunknown|canonical)/;
const expandable = /^(?:[^%]|%[%dhiklLnpru])*$/;

interface Pattern {
  exact: Set<string>;
  some: RegExp[];
  none: RegExp[];
}

interface Line {
  /** The `Host` lines below which it stands. */
  below: readonly Pattern[];
  keyword: string;
  args: string[];
}

/** Files of an OpenSSH client configuration, those they include among them. */
export class SshConfigFiles {
  /** Files and directories whose change may change what is said. */
  readonly files: string[] = [];
  /** Whether {@link said} gives what OpenSSH would; else only OpenSSH itself can tell. */
  plain = true;
  /** Whether OpenSSH reads them a second time: `Match final`, canonical host names. */
  twice = false;
  readonly #lines: Line[] = [];

  /**
   * @param optional they may be missing, as OpenSSH's own
   * @throws Error of a file that cannot be read
   */
  constructor(files: readonly string[], optional: boolean) {
    for (const file of files) {
      this.files.push(file);
      if (!optional || statSync(file, { throwIfNoEntry: false })) this.#read(file, [], baseOf(file, optional), 0);
    }
  }

  /** What is said of a host, if {@link plain}. */
  said(host: string): Said {
    const said: Said = new Map();
    for (const { below, keyword, args } of this.#lines)
      if (adding.has(keyword) || !said.has(keyword))
        if (below.every((pattern) => matches(pattern, host)))
          said.set(keyword, [...(said.get(keyword) ?? []), ...args]);
    return said;
  }

  #read(file: string, above: readonly Pattern[], base: string, depth: number): void {
    if (depth > 16) throw new Error(`${file} is included by itself`);
    let below = above;
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const [, word, rest = ''] = /^\s*([a-z]+)(?:\s*=\s*|\s+|$)(.*?)\s*$/i.exec(line) ?? [];
      const keyword = word?.toLowerCase();
      if (keyword === undefined) {
        if (!/^\s*(#|$)/.test(line)) this.plain = false;
        continue;
      }
      const args = wordsOf(rest);
      if (keyword === 'host') below = [...above, patternOf(args ?? [])];
      else if (keyword === 'match' && rest.toLowerCase() === 'all') below = above;
      else if (beyond.test(keyword)) {
        this.plain = false;
        this.twice ||=
          keyword === 'match' ? /final/i.test(rest) : /^canonicalizehostname$/i.test(keyword) && !/^no/i.test(rest);
      } else if (keyword === 'include') for (const each of args ?? []) this.#include(each, below, base, depth);
      else if (obeyed.has(keyword) && args) this.#add(below, keyword, args);
      if (!args && (obeyed.has(keyword) || keyword === 'host' || keyword === 'include')) this.plain = false;
    }
  }

  #include(pattern: string, below: readonly Pattern[], base: string, depth: number): void {
    const path = untilde(pattern);
    const absolute = isAbsolute(path) ? path : join(base, path);
    this.files.push(dirname(absolute));
    for (const file of globSync(absolute).sort()) {
      this.files.push(file);
      this.#read(file, below, base, depth + 1);
    }
  }

  #add(below: readonly Pattern[], keyword: string, args: string[]): void {
    const simple = numbers.has(keyword) ? /^\d+$/ : keyword === 'hostname' ? /^(?:[^%]|%[%h])*$/ : expandable;
    if (!args.every((arg) => simple.test(arg))) this.plain = false;
    if (keyword === 'proxyjump' || keyword === 'proxycommand')
      this.#lines.push({ below, keyword: 'proxy', args: [keyword, args.join(' ')] });
    else this.#lines.push({ below, keyword, args });
  }
}

// Relative names: below the user's directory, also for a file given by -F.
const baseOf = (file: string, optional: boolean): string =>
  optional && file.startsWith('/etc/') ? dirname(file) : join(home, '.ssh');

/** Words, some in double quotes; nothing when more than that is quoted, escaped or a comment. */
function wordsOf(text: string): string[] | undefined {
  if (/[\\'$#]/.test(text) || !/^\s*(?:(?:"[^"]*"|[^\s"]+)(?:\s+|$))*$/.test(text)) return undefined;
  return [...text.matchAll(/"([^"]*)"|([^\s"]+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}

function patternOf(args: readonly string[]): Pattern {
  const wanted = args.filter((arg) => !arg.startsWith('!'));
  return {
    exact: new Set(wanted),
    some: wanted.filter((arg) => /[*?]/.test(arg)).map(glob),
    none: args.filter((arg) => arg.startsWith('!')).map((arg) => glob(arg.slice(1))),
  };
}

const matches = ({ exact, some, none }: Pattern, host: string): boolean =>
  (exact.has(host) || some.some((one) => one.test(host))) && !none.some((one) => one.test(host));

/** `~` at the start of a path is the user's home. */
export const untilde = (path: string): string => path.replace(/^~(?=\/|$)/, home);
