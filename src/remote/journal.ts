import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { OpsError } from '../model/errors.ts';
import { type HostFence, numbersOf } from './fence.ts';

/** Text that is sent with a command, of these files beside this one: what only people read stays here. */
export const script = (...names: string[]) =>
  names
    .map((name) => readFileSync(new URL(name, import.meta.url), 'utf8'))
    .join('')
    .replace(/^ *(?:#.*)?\n?/gm, '');
const attemptScript = script('./locate.sh', './entry.sh', './attach.sh', './attempt.sh');
const fencedScript = script('./locate.sh', './entry.sh', './attach.sh', './fence.sh', './attempt.sh');
const lookScript = script('./locate.sh', './entry.sh', './attach.sh', './take.sh', './look.sh');
const endScript = script('./locate.sh', './entry.sh', './take.sh', './end.sh');
const claimScript = script('./locate.sh', './claim.sh');
const runnerScript = script('./runner.sh');
const keptScript = fencedScript + script('./kept.sh');
const startKept = 'export SHLVL=1; exec sh -c "$@"';

/** Linux takes no longer argument; sshd hands the whole command line over as one. */
const longestCommand = 120_000;

/** First bytes on standard output: what a login shell's start-up files print comes before them. */
export const mark = Buffer.from('\x1esumac\x1e\n');

/** How a command is run on the host. */
export interface Shell {
  /** Run by `sudo`; without `user` as root. */
  sudo?: boolean | undefined;
  /** Run as this user, by `sudo`. */
  user?: string | undefined;
  /** Exported before the command. Not for secrets: they show in the list of processes. */
  env?: Readonly<Record<string, string>> | undefined;
}

/** One word for a POSIX shell. */
export const quote = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** Name of a command's journal entry: readable, unique for token and host, fit for a file. */
export function entryName(token: string, host: string, index: number): string {
  const readable = token.replace(/[^\w.-]+/g, '_').slice(-60);
  return `${readable}-${sha256(JSON.stringify([token, host, index])).slice(0, 16)}`;
}

/** In one piece with the mark: a line of its own on standard error costs the host and the worker a packet. */
const announce = "printf '\\036pid %s\\036sumac\\036\\n' $$";

/** A line that runs a command that may be repeated: in the login shell itself, unless it is another user's. */
export function plainLine(command: string, shell: Shell): string {
  const whole = withEnv(command, shell.env);
  if (shell.sudo !== true && shell.user === undefined) return checked(`${announce}; exec 2>&1\n${whole}`, whole);
  // The second shell level keeps bash from reading its start-up files again.
  return line([whole], `${announce}; export SHLVL=1; exec "\${SHELL:-/bin/sh}" -c "$1" 2>&1`, shell);
}

/** A line that ends a command begun by {@link plainLine}: sshd itself ends nothing of root's. */
export function killLine(pid: number, shell: Shell): string {
  const kill = (signal: string) =>
    `kill -${signal} -$1 || { read -r c <"/proc/$1/task/$1/children"; kill -${signal} $1 $c; }`;
  return line([String(pid)], `exec 2>/dev/null; ${kill('TERM')}; sleep 3; ${kill('KILL')}`, shell);
}

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

/** A journalled command, as every attempt at it is told. */
export interface Journalled {
  entry: string;
  command: string;
  shell: Shell;
  stdin?: string | Buffer | undefined;
  /** Seconds since an earlier attempt may have started the command, asked for anew by each; default 0: there was none. */
  sinceSeconds?: (() => number) | undefined;
  /** Locks under which it runs. */
  fences?: readonly HostFence[] | undefined;
}

/** How attempts at a journalled command are made. */
export interface Attempts {
  /** A line that starts the command unless an attempt has, and sees it through; it reads {@link attemptInput}. */
  line: () => string;
  /** How a shell that is kept does, if it can: by a line that starts it with this attempt, or by what it reads. `end`: see kept.sh. */
  kept?: { start: (end: string) => string; next: (end: string) => string };
}

/** Longest command, in bytes, that a kept shell is handed: it reads byte by byte. */
const longestKept = 4096;

/** Checks a command once for all attempts at it. @throws ENV_INVALID, COMMAND_INVALID; COMMAND_TOO_LONG by its line */
export function attemptsAt({ entry, command, shell, stdin, sinceSeconds, fences = [] }: Journalled): Attempts {
  const whole = withEnv(command, shell.env);
  const sudo = sudoOf(shell);
  const bytes = stdin === undefined ? -1 : Buffer.byteLength(stdin);
  const digest = sha256(JSON.stringify([whole, sudo, bytes])).slice(0, 32);
  const locks = numbersOf(fences);
  const when = () => [today(), String(Math.ceil(sinceSeconds?.() ?? 0))];
  const text = `${locks === '' ? attemptScript : fencedScript}attempt "$@"\n`;
  const before = ['sh', '-c', claimScript, 'sumac', entry, digest];
  const attempts: Attempts = {
    line: () => line([entry, ...when(), digest, String(bytes), runnerScript, locks, whole], text, shell, before),
  };
  // Only as who logs in, and without input.
  if (stdin !== undefined || sudo.length > 0 || Buffer.byteLength(whole) > longestKept) return attempts;
  const lines = whole.split('\n');
  attempts.kept = {
    start: (end) =>
      line([keptScript, 'sumac', end, runnerScript, entry, ...when(), digest, locks, whole], startKept, {}),
    next: (end) => `${[lines.length, end, entry, ...when(), digest, locks].join(' ')}\n${lines.join('\n')}\n`,
  };
  return attempts;
}

/** What the line of an attempt reads first: its digest would show in the list of processes, and lead to short secrets. */
export const attemptInput = (stdin: string | Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${sha256(stdin)}\n`), Buffer.from(stdin)]);

/** A line that sees a command through that an attempt has started, and keeps it from beginning if none has. */
export const lookLine = (entry: string, sinceSeconds: number, shell: Shell): string =>
  line([entry, today(), String(Math.ceil(sinceSeconds))], lookScript, shell);

/** A line that ends what an entry's command has begun, and keeps it from beginning. */
export const endLine = (entry: string, why: string, shell: Shell): string =>
  line([entry, today(), why], endScript, shell);

/** Days since 1970, by the worker's clock. */
export const today = (): string => String(Math.floor(Date.now() / 86_400_000));

/** No login shell (`sudo -i`): what profile files print or change is none of the command's, and every argument arrives as it is. */
const sudoOf = ({ sudo, user }: Shell): string[] =>
  sudo === true || user !== undefined ? ['sudo', '-n', '-H', ...(user === undefined ? [] : ['-u', user]), '--'] : [];

/** @param before runs what follows it as another user, if it does */
function line(args: readonly string[], text: string, shell: Shell, before: readonly string[] = []): string {
  const sudo = sudoOf(shell);
  const words = [...(sudo.length > 0 ? before : []), ...sudo, 'sh', '-c', text, 'sumac', ...args];
  return checked(`exec ${words.map(quote).join(' ')}`, args.at(-1) ?? '');
}

function checked(whole: string, command: string): string {
  if (Buffer.byteLength(whole) > longestCommand)
    throw new OpsError(
      'usage',
      'COMMAND_TOO_LONG',
      `a command of ${Buffer.byteLength(command)} bytes is too long: pass its data by standard input`,
    );
  return whole;
}

function withEnv(command: string, env: Shell['env'] = {}): string {
  const entries = Object.entries(env);
  for (const [name] of entries)
    if (!/^[A-Za-z_]\w*$/.test(name))
      throw new OpsError('usage', 'ENV_INVALID', `'${name}' is not the name of an environment variable`);
  if (command.includes('\0') || entries.some(([, value]) => value.includes('\0')))
    throw new OpsError('usage', 'COMMAND_INVALID', 'a command and its environment cannot hold a NUL character');
  if (entries.length === 0) return command;
  return `export ${entries.map(([name, value]) => `${name}=${quote(value)}`).join(' ')}; ${command}`;
}

/** What the journal said of a command in the end. */
export type Verdict =
  | { is: 'exit'; code: number; durationMs: number | undefined; ended: string | undefined }
  | { is: 'fenced'; lock: string; seen: string; path: string }
  | { is: 'rebooted' | 'lost' | 'forgotten' | 'reused' | 'unwritable' | 'cut' | 'never' };

/** Reads what entry.sh and the others write to standard error. */
export class Notes {
  verdict: Verdict | undefined;
  /** Processes that go on after the command was ended, as `PID:NAME`. */
  left: string | undefined;
  /** The disk was full before the output ended. */
  full = false;
  /** Nothing of an earlier attempt was found. */
  first = false;
  /** What is none of ours: complaints of sudo, of the login shell, of a full disk. */
  other = '';
  #rest = '';
  readonly #attached: (seconds: number) => void;

  /** @param attached told how long ago the command was started, when an earlier attempt did */
  constructor(attached: (seconds: number) => void = () => undefined) {
    this.#attached = attached;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = (lines.pop() ?? '').slice(-8192);
    for (const whole of lines) this.#line(whole);
  }

  #line(whole: string): void {
    const at = whole.indexOf('\x1e');
    if (at !== 0) this.other = `${this.other}${at === -1 ? whole : whole.slice(0, at)}\n`.slice(-2000);
    if (at === -1) return;
    const [word = '', ...values] = whole.slice(at + 1).split(' ');
    if (word === 'attached') this.#attached(Number(values[0]));
    else if (word === 'left') this.left = values.join(' ');
    else if (word === 'full') this.full = true;
    else if (word === 'first') this.first = true;
    else if (word === 'exit') this.verdict = exit(values);
    else if (word === 'fenced') this.verdict = fenced(values);
    else if (!['.', 'here', 'over'].includes(word))
      this.verdict = { is: word as Exclude<Verdict['is'], 'exit' | 'fenced'> };
  }
}

const fenced = ([lock = '', seen = '', ...path]: string[]): Verdict => ({
  is: 'fenced',
  lock,
  seen,
  path: path.join(' '),
});

// Ticks since boot at which the runner began, seconds since boot at which the command had ended.
function exit([code, born, at, ended]: string[]): Verdict {
  const durationMs = Math.round(Number(at) * 1000 - Number(born) * 10);
  return {
    is: 'exit',
    code: Number(code),
    durationMs: Number.isNaN(durationMs) ? undefined : Math.max(0, durationMs),
    ended: ended === '' ? undefined : ended,
  };
}
