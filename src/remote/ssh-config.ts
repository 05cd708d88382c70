import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { OpsError, messageOf } from '../model/errors.ts';
import { Limit } from './limit.ts';
import { type Said, SshConfigFiles, algorithmLists, home } from './ssh-config-file.ts';
import { dump } from './ssh-dump.ts';
import { runCommand } from './ssh-match.ts';
import { type HostOptions, optionsOf } from './ssh-options.ts';

/** What `Match exec` or DNS said is asked again after this. */
const keptMs = 60_000;
const longestExecMs = 20_000;

/**
 * The OpenSSH client configuration, read again when one of its files has changed. Evaluated here, as OpenSSH would; only for
 * the hosts of which more is said than can be, `ssh -G` is asked, once a host.
 */
export class SshConfig {
  readonly #file: string | undefined;
  readonly #programs = new Limit(8);
  #stamp: string | undefined;
  #read = new SshConfigFiles([], true);
  #valid: Promise<void> = Promise.resolve();
  #commands = new Map<string, { succeeds: Promise<boolean>; until: number }>();
  readonly #lists = new Map<string, Promise<Said>>();
  #hosts = new Map<string, { options: Promise<HostOptions>; until: number }>();

  /**
   * @param file as of `ssh -F`, `none` for no file at all; default OpenSSH's own, of the user and of the system
   */
  constructor(file: string | undefined) {
    this.#file = file;
  }

  /**
   * @param user where the configuration names none
   * @throws SSH_CONFIG_INVALID
   */
  async of(host: string, user: string): Promise<HostOptions> {
    this.#refresh();
    const kept = this.#hosts.get(host);
    if (kept && Date.now() < kept.until) return kept.options;
    const options = this.#compute(host, user);
    const until = this.#read.changes ? Date.now() + keptMs : Infinity;
    const entry = { options, until };
    this.#hosts.set(host, entry);
    // What failed may have had no room, or no time.
    options.catch(() => this.#hosts.get(host) === entry && this.#hosts.delete(host));
    return options;
  }

  #refresh(): void {
    if (this.#stamp !== undefined && this.#stamp === stampOf(this.#read.files)) return;
    this.#hosts = new Map();
    this.#commands = new Map();
    try {
      this.#read = new SshConfigFiles(this.#files, this.#file === undefined);
    } catch (error) {
      throw this.#invalid(messageOf(error));
    }
    this.#stamp = stampOf(this.#read.files);
    this.#valid = this.#validate();
    const stamp = this.#stamp;
    this.#valid.catch(() => this.#stamp === stamp && (this.#stamp = undefined));
  }

  // OpenSSH is asked whether the files are in order; without it, nothing but plain ones is understood.
  async #validate(): Promise<void> {
    if (!this.#read.files.some((file) => statSync(file, { throwIfNoEntry: false })?.isFile())) return;
    try {
      await dump(this.#text(), 'localhost', 'root');
    } catch (error) {
      if (!isMissing(error)) throw this.#invalid(messageOf(error).replaceAll('/dev/stdin', this.#name));
    }
  }

  async #compute(host: string, user: string): Promise<HostOptions> {
    const files = this.#read;
    await this.#valid;
    try {
      const said = await this.#said(files, host);
      return optionsOf(said ? await this.#whole(said) : await this.#dump(host, user), host, user);
    } catch (error) {
      if (isMissing(error))
        throw this.#invalid(`needs the program 'ssh', as it says of ${host} what only that can tell`);
      throw this.#invalid(messageOf(error).replaceAll('/dev/stdin', this.#name));
    }
  }

  /** Each command of `Match exec` is run once for all hosts for which it is the same. */
  async #said(files: SshConfigFiles, host: string): Promise<Said | undefined> {
    const outcomes = new Map<string, boolean>();
    for (;;) {
      const said = files.said(host, (command) => outcomes.get(command));
      if (typeof said !== 'string') return said;
      outcomes.set(said, await this.#run(said));
    }
  }

  #run(command: string): Promise<boolean> {
    const kept = this.#commands.get(command);
    if (kept && Date.now() < kept.until) return kept.succeeds;
    const run = async () => {
      const done = await this.#programs.take();
      try {
        return await runCommand(command, longestExecMs);
      } finally {
        done();
      }
    };
    const succeeds = run();
    this.#commands.set(command, { succeeds, until: Date.now() + keptMs });
    return succeeds;
  }

  async #dump(host: string, user: string) {
    const done = await this.#programs.take();
    try {
      return await dump(this.#text(), host, user, this.#read.twice);
    } finally {
      done();
    }
  }

  /** With algorithms that are given as what differs from OpenSSH's own, which only it knows; each such list is asked for once. */
  async #whole(said: Said): Promise<Said> {
    for (const keyword of algorithmLists) {
      const [list] = said.get(keyword) ?? [];
      if (list === undefined || !/^[+^-]/.test(list)) continue;
      const line = `${keyword} ${list}`;
      const asked = this.#lists.get(line) ?? dump(line, 'localhost', 'root');
      this.#lists.set(line, asked);
      asked.catch(() => this.#lists.delete(line));
      said.set(keyword, (await asked).get(keyword) ?? []);
    }
    return said;
  }

  get #files(): string[] {
    if (this.#file === 'none') return [];
    return this.#file === undefined ? [join(home, '.ssh/config'), '/etc/ssh/ssh_config'] : [this.#file];
  }

  #text(): string {
    if (this.#file === undefined) return this.#files.map((file) => `Include ${file}\n`).join('Match all\n');
    return this.#file === 'none' ? '' : readFileSync(this.#file, 'utf8');
  }

  get #name(): string {
    return this.#file ?? '~/.ssh/config';
  }

  #invalid(why: string): OpsError {
    const what = this.#file === undefined ? 'OpenSSH configuration' : `ssh.config_file ${this.#file}`;
    return new OpsError('usage', 'SSH_CONFIG_INVALID', `${what}: ${why}`);
  }
}

const isMissing = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'ENOENT' && (error as NodeJS.ErrnoException).syscall === 'spawn ssh';

const stampOf = (files: readonly string[]): string =>
  files
    .map((file) => statSync(file, { bigint: true, throwIfNoEntry: false }))
    .map((stat) => (stat ? `${stat.ino}:${stat.mtimeNs}:${stat.size}` : '-'))
    .join();
