import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Journalled, Notes, attemptInput, attemptsAt, endLine, lookLine, mark } from '../../src/remote/journal.ts';
import { waitFor as soon } from './wait-for.ts';

/** What an attempt is told; nothing that is not given. */
type Told = Omit<Partial<Journalled>, 'sinceSeconds'> & { sinceSeconds?: number };

/** The line by which an attempt is made in a channel of its own. */
export const attemptLine = ({ sinceSeconds = 0, ...rest }: Told & Pick<Journalled, 'entry' | 'command'>): string =>
  attemptsAt({ shell: {}, ...rest, sinceSeconds: () => sinceSeconds }).line();

/** Shells of the hosts there are: Debian's, an installer's, Red Hat's. */
export const shells = { dash: '/bin/dash', busybox: '/bin/busybox', bash: '/bin/bash' };

/** An attempt, or the end of one, that goes on. */
export interface Started {
  child: ChildProcess;
  ended: Promise<{
    verdict: Notes['verdict'];
    notes: Notes;
    said: string;
    output: string;
    attached: number | undefined;
  }>;
  /** What it has written so far. */
  output(): string;
}

/** Waits for what is to come. */
export const waitFor = (what: () => boolean) => soon(what, 6000);

/** Ends a process group, if it still exists. */
export function killGroup(group: number): void {
  if (!(group > 1)) return;
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // gone
  }
}

/** A host's journal, its shell run on this machine without ssh; its boot id is `boot-1` until the file `boot` says otherwise. */
export class TestJournal {
  readonly dir = mkdtempSync(join(tmpdir(), 'sumac-journal-'));
  readonly env: Record<string, string>;
  /** As whom its attempts run; default as who runs this. */
  uid: number | undefined;
  readonly #leads: boolean;
  readonly #children: ChildProcess[] = [];

  /** @param leads whether the shell leads a session, as under sshd */
  constructor(shell: keyof typeof shells, leads: boolean) {
    this.#leads = leads;
    const bin = join(this.dir, 'bin');
    chmodSync(this.dir, 0o755);
    mkdirSync(bin);
    symlinkSync(shells[shell], join(bin, 'sh'));
    if (shell === 'busybox')
      for (const applet of execFileSync(shells.busybox, ['--list'], { encoding: 'utf8' }).split('\n'))
        if (applet !== '' && applet !== 'sh') symlinkSync(shells.busybox, join(bin, applet));
    writeFileSync(join(this.dir, 'boot'), 'boot-1\n');
    this.env = {
      PATH: shell === 'busybox' ? bin : `${bin}:/usr/bin:/bin`,
      HOME: this.dir,
      SHELL: join(bin, 'sh'),
      SUMAC_JOURNAL: join(this.dir, 'journal'),
      SUMAC_BOOT_ID: join(this.dir, 'boot'),
    };
  }

  start(line: string, stdin?: string | Buffer): Started {
    const { env, uid } = this;
    const as = uid === undefined ? {} : { uid, gid: uid };
    const child = spawn(join(this.dir, 'bin/sh'), ['-c', line], { env, detached: this.#leads, cwd: '/', ...as });
    this.#children.push(child);
    let attached: number | undefined;
    const notes = new Notes((seconds) => (attached = seconds));
    const chunks: Buffer[] = [];
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (text: string) => notes.push(text));
    if (stdin !== undefined) child.stdin.write(stdin);
    const pulse = setInterval(() => child.stdin.write('\n'), 200);
    const ended = once(child, 'close').then(() => {
      clearInterval(pulse);
      const all = Buffer.concat(chunks);
      const output = all.subarray(all.indexOf(mark) + mark.length).toString('utf8');
      return { verdict: notes.verdict, notes, said: notes.other, output, attached };
    });
    return { child, ended, output: () => Buffer.concat(chunks).toString() };
  }

  attempt(entry: string, command: string, rest: Told = {}): Started {
    const line = attemptLine({ entry, command, ...rest });
    return this.start(line, rest.stdin === undefined ? undefined : attemptInput(rest.stdin));
  }

  run(entry: string, command: string, rest: Told = {}): Started['ended'] {
    return this.attempt(entry, command, rest).ended;
  }

  end(entry: string, why = 'cancelled'): Started['ended'] {
    return this.start(endLine(entry, why, {})).ended;
  }

  look(entry: string, sinceSeconds = 1): Started['ended'] {
    return this.start(lookLine(entry, sinceSeconds, {})).ended;
  }

  async kill({ child, ended }: Started): Promise<void> {
    child.kill('SIGKILL');
    await ended;
  }

  /** Counts the runs of a command that is given `count`. */
  counter(file: string): { count: string; runs: () => number } {
    const path = join(this.dir, file);
    return {
      count: `echo x >>${path};`,
      runs: () => (existsSync(path) ? readFileSync(path, 'utf8').length / 2 : 0),
    };
  }

  entryFile(entry: string, kind: string): string {
    return join(this.dir, 'journal', `${entry}.${kind}`);
  }

  groupOf(entry: string): number {
    const text = readFileSync(this.entryFile(entry, 'run'), 'utf8');
    return Number(/^start boot-\d \d+ \d+ (\d+)/m.exec(text)?.[1]);
  }

  /** Ends what is left. */
  close(): void {
    for (const { pid } of this.#children) if (pid !== undefined && this.#leads) killGroup(pid);
    const journal = join(this.dir, 'journal');
    for (const file of existsSync(journal) ? readdirSync(journal).filter((each) => each.endsWith('.run')) : [])
      killGroup(this.groupOf(file.slice(0, -'.run'.length)));
    rmSync(this.dir, { recursive: true, force: true });
  }
}
