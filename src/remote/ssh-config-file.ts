import { globSync, readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { type Situation, type Test, hostTest, matchTest } from './ssh-match.ts';

/** As OpenSSH takes it: from the list of users, not from HOME. */
export const home = userInfo().homedir;

/** What an OpenSSH client configuration says of one host: the arguments of each keyword, in lower case. */
export type Said = Map<string, string[]>;

/** Keywords whose values are lists of algorithms. */
export const algorithmLists = ['kexalgorithms', 'ciphers', 'macs', 'hostkeyalgorithms'] as const;

/** Keywords that are obeyed, or refused; `proxy` is whichever of ProxyJump and ProxyCommand comes first. */
const obeyed = new Set<string>([
  ...(
    'hostname port user identityfile identitiesonly identityagent certificatefile proxyjump proxycommand ' +
    'userknownhostsfile globalknownhostsfile revokedhostkeys knownhostscommand hostkeyalias stricthostkeychecking ' +
    'connecttimeout serveraliveinterval serveralivecountmax addressfamily bindaddress'
  ).split(' '),
  ...algorithmLists,
]);
/** Keywords whose values add up; of the others the first counts. */
const adding = new Set(['identityfile', 'certificatefile']);
const numbers = new Set(['port', 'connecttimeout', 'serveraliveinterval', 'serveralivecountmax']);
const expandable = /^(?:[^%]|%[%dhiklLnpru])*$/;

interface Section {
  /** The one in which its file is included. */
  above: Section | undefined;
  test: Test;
}

interface Setting {
  below: Section;
  keyword: string;
  args: string[];
  /** Only OpenSSH can tell what it comes to. */
  unclear: boolean;
}

/** Files of an OpenSSH client configuration, those they include among them. */
export class SshConfigFiles {
  /** Files and directories whose change may change what is said. */
  readonly files: string[] = [];
  /** Whether OpenSSH reads them a second time: `Match final`, canonical host names. */
  twice = false;
  /** What is said may change although the files do not: `Match exec`, DNS. */
  changes = false;
  #plain = true;
  readonly #lines: (Section | Setting)[] = [];

  /**
   * @param optional they may be missing, as OpenSSH's own
   * @throws Error of a file that cannot be read
   */
  constructor(files: readonly string[], optional: boolean) {
    for (const file of files) {
      this.files.push(file);
      const top = this.#section(undefined, () => true);
      if (!optional || statSync(file, { throwIfNoEntry: false })) this.#read(file, top, baseOf(file, optional), 0);
    }
  }

  /** What OpenSSH would say of a host; the command to be run to tell; nothing when only OpenSSH itself can tell. */
  said(host: string, succeeds: Situation['succeeds']): Said | string | undefined {
    if (!this.#plain || this.twice || /[A-Z]/.test(host)) return undefined;
    const said: Said = new Map();
    const active = new Map<Section, boolean>();
    for (const line of this.#lines)
      if ('test' in line) {
        const reached = line.above === undefined || active.get(line.above) === true;
        const is = reached && line.test({ host, said, succeeds });
        if (typeof is !== 'boolean') return is;
        active.set(line, is);
      } else if (active.get(line.below) === true && counts(line, said.get(line.keyword))) {
        if (line.unclear) return undefined;
        const before = adding.has(line.keyword) ? (said.get(line.keyword) ?? []) : [];
        said.set(line.keyword, [...before, ...line.args]);
      }
    return said;
  }

  #section(above: Section | undefined, test: Test): Section {
    const section = { above, test };
    this.#lines.push(section);
    return section;
  }

  #read(file: string, above: Section, base: string, depth: number): void {
    if (depth > 16) throw new Error(`${file} is included by itself`);
    let below = above;
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const [, word, rest = ''] = /^\s*([a-z]+)(?:\s*=\s*|\s+|$)(.*?)\s*$/i.exec(line) ?? [];
      const keyword = word?.toLowerCase();
      if (keyword === undefined) {
        if (!/^\s*(#|$)/.test(line)) this.#plain = false;
        continue;
      }
      const args = wordsOf(rest);
      if (keyword === 'host') below = this.#section(above, hostTest(args ?? []));
      else if (keyword === 'match') {
        below = this.#section(above, matchTest(rest));
        this.twice ||= /final/i.test(rest);
        this.changes ||= /exec|localnetwork/i.test(rest);
      } else if (keyword === 'canonicalizehostname') {
        this.twice ||= !/^no$/i.test(rest);
        this.changes ||= this.twice;
      } else if (keyword === 'include') for (const each of args ?? []) this.#include(each, below, base, depth);
      else if (obeyed.has(keyword)) this.#set(below, keyword, args);
      if (!args && (keyword === 'host' || keyword === 'include')) this.#plain = false;
    }
  }

  #include(pattern: string, below: Section, base: string, depth: number): void {
    const path = untilde(pattern);
    const absolute = isAbsolute(path) ? path : join(base, path);
    this.files.push(dirname(absolute));
    for (const file of globSync(absolute).sort()) {
      this.files.push(file);
      this.#read(
        file,
        this.#section(below, () => true),
        base,
        depth + 1,
      );
    }
  }

  #set(below: Section, keyword: string, args: string[] = []): void {
    const simple = numbers.has(keyword) ? /^\d+$/ : keyword === 'hostname' ? /^(?:[^%]|%[%h])*$/ : expandable;
    const unclear = args.length === 0 || !args.every((arg) => simple.test(arg));
    if (keyword === 'proxyjump' || keyword === 'proxycommand')
      this.#lines.push({ below, keyword: 'proxy', args: [keyword, args.join(' ')], unclear });
    else this.#lines.push({ below, keyword, args, unclear });
  }
}

/** Whether a setting counts after what was said by the same keyword. */
function counts({ keyword, args }: Setting, before: readonly string[] | undefined): boolean {
  if (before === undefined || adding.has(keyword)) return true;
  // `ProxyJump none` keeps no ProxyCommand from it.
  return keyword === 'proxy' && args[0] === 'proxycommand' && /^proxyjump none$/i.test(before.join(' '));
}

// Relative names: below the user's directory, also for a file given by -F.
const baseOf = (file: string, optional: boolean): string =>
  optional && file.startsWith('/etc/') ? dirname(file) : join(home, '.ssh');

/** Words, some in double quotes; nothing when more than that is quoted, escaped or a comment. */
function wordsOf(text: string): string[] | undefined {
  if (/[\\'$#]/.test(text) || !/^\s*(?:(?:"[^"]*"|[^\s"]+)(?:\s+|$))*$/.test(text)) return undefined;
  return [...text.matchAll(/"([^"]*)"|([^\s"]+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}

/** `~` at the start of a path is the user's home. */
export const untilde = (path: string): string => path.replace(/^~(?=\/|$)/, home);
