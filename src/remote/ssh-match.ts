import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { userInfo } from 'node:os';
import { glob } from './known-hosts.ts';
import type { Said } from './ssh-config-file.ts';

/** What is known so far when a line is come to. */
export interface Situation {
  host: string;
  said: Said;
  /** Whether a command of `Match exec` succeeds; nothing before it was run. */
  succeeds: (command: string) => boolean | undefined;
}

/** Whether what follows counts; a command that has to be run to tell; nothing when only OpenSSH itself can. */
export type Test = (now: Situation) => boolean | string | undefined;

/** The host patterns of a `Host` line. */
export function hostTest(args: readonly string[]): Test {
  const wanted = args.filter((arg) => !arg.startsWith('!'));
  const exact = new Set(wanted);
  const some = wanted.filter((arg) => /[*?]/.test(arg)).map(glob);
  const none = args.filter((arg) => arg.startsWith('!')).map((arg) => glob(arg.slice(1)));
  return ({ host }) => (exact.has(host) || some.some((one) => one.test(host))) && !none.some((one) => one.test(host));
}

const hostName = ({ host, said }: Situation) =>
  (said.get('hostname')?.[0] ?? '%h').replace(/%([%h])/g, (_, token) => (token === '%' ? '%' : host));
const us = userInfo().username;
const user = ({ said }: Situation) => said.get('user')?.[0] ?? us;

const values: Record<string, { of: (now: Situation) => string; anyCase: boolean }> = {
  host: { of: hostName, anyCase: true },
  originalhost: { of: ({ host }) => host, anyCase: true },
  user: { of: user, anyCase: false },
  localuser: { of: () => us, anyCase: false },
};
const tokens: Record<string, (now: Situation) => string> = {
  '%': () => '%',
  h: hostName,
  n: ({ host }) => host,
  p: ({ said }) => said.get('port')?.[0] ?? '22',
  r: user,
  u: () => us,
};

/** The criteria of a `Match` line. What is told apart by OpenSSH only is left open when the others hold. */
export function matchTest(text: string): Test {
  if (/^all$/i.test(text)) return () => true;
  const tests: Test[] = [];
  const commands: Test[] = [];
  let rest = text;
  const take = (pattern: RegExp) => {
    const found = pattern.exec(rest);
    rest = rest.slice(found?.[0].length ?? 0);
    return found;
  };
  for (let found; ;) {
    if ((found = take(/^(!?)(host|originalhost|user|localuser)\s+("?)([\w.*?!,:-]+)\3(?:\s+|$)/i)))
      tests.push(listTest(found[2]?.toLowerCase() ?? '', found[4] ?? '', found[1] === '!'));
    else if ((found = take(/^(!?)exec\s+(?:"([^"\\]+)"|([\w./-]+))(?:\s+|$)/i)))
      commands.push(commandTest(found[2] ?? found[3] ?? '', found[1] === '!'));
    // Of a host whose name was not made canonical, as here, it never holds.
    else if ((found = take(/^(!?)canonical(?:\s+(?:all$)?|$)/i))) tests.push(is(found[1] === '!'));
    else break;
  }
  if (rest !== '' || tests.length + commands.length === 0) commands.push(() => undefined);
  return (now) => {
    if (tests.some((test) => test(now) === false)) return false;
    const told = commands.map((test) => test(now));
    return told.includes(undefined) ? undefined : (told.find((each) => each !== true) ?? true);
  };
}

const is = (value: boolean) => () => value;

function listTest(word: string, list: string, negated: boolean): Test {
  const { of, anyCase } = values[word] ?? { of: () => '', anyCase: false };
  const patterns = (anyCase ? list.toLowerCase() : list).split(',');
  const some = patterns.filter((pattern) => !pattern.startsWith('!')).map(glob);
  const none = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => glob(pattern.slice(1)));
  return (now) => {
    const value = anyCase ? of(now).toLowerCase() : of(now);
    const matches = some.some((one) => one.test(value)) && !none.some((one) => one.test(value));
    return matches !== negated;
  };
}

function commandTest(text: string, negated: boolean): Test {
  return (now) => {
    const values = [...text.matchAll(/%(.?)/g)].map(([, token = '']) => tokens[token]?.(now));
    // To a shell each has to be the text that it is.
    if (values.some((value) => value === undefined || !/^[\w.@:%-]*$/.test(value))) return undefined;
    const command = text.replace(/%.?/g, () => values.shift() ?? '');
    const succeeds = now.succeeds(command);
    return succeeds === undefined ? command : succeeds !== negated;
  };
}

/** Runs a command as `Match exec` does. @throws Error when it does not end by itself in time */
export async function runCommand(command: string, longestMs: number): Promise<boolean> {
  const signal = AbortSignal.timeout(longestMs);
  const child = spawn(process.env['SHELL'] || '/bin/sh', ['-c', command], { stdio: 'ignore', signal });
  const [code] = (await once(child, 'exit').catch((error: unknown) => {
    if (!signal.aborted) throw error;
    return [null];
  })) as [number | null];
  if (code === null) throw new Error(`Match exec '${command}' was killed, or did not end within ${longestMs / 1000} s`);
  return code === 0;
}
