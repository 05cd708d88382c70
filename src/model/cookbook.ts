import type { Command } from '@commander-js/extra-typings';
import type { Spicerack } from '../../workflows/spicerack/spicerack.ts';
import type { Duration } from './duration.ts';

/** Arguments of a run: what the cookbook's parser made of the command line, options by camel-case name, operands by their name. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each cookbook narrows it to its own arguments
export type Args = Record<string, any>;

/** How a run locks itself: one exclusive or counted lock per cookbook name and suffix. */
export interface LockArgs {
  /** Appended to the cookbook's name after a colon, for example the host; empty for one lock per cookbook. */
  suffix?: string;
  /** How many holders at a time; 0 is unlimited, but recorded. Default 20. */
  concurrency?: number;
  /** Lease of the lock, kept alive while the run lives. Default 30m. */
  ttl?: Duration;
}

type MaybePromise<T> = T | Promise<T>;

/** One execution of a class cookbook (Spicerack's CookbookRunnerBase). */
export abstract class CookbookRunnerBase {
  maxConcurrency = 20;
  /** Seconds. */
  lockTtl = 1800;
  /** What follows the cookbook's name in START and END lines. */
  get runtimeDescription(): string {
    return '';
  }
  get lockArgs(): LockArgs {
    return { concurrency: this.maxConcurrency, ttl: this.lockTtl * 1000 };
  }
  /** Announce one DONE line instead of START and END. */
  get skipStartSal(): boolean {
    return false;
  }
  /** The host expression this run is about, resolved and frozen before anything starts. */
  get hosts(): string | undefined {
    return undefined;
  }
  /** Whether each host of {@link hosts} is locked against other cookbooks that say so, too. */
  get lockHosts(): boolean {
    return false;
  }
  /** The procedure. Returns nothing or 0 when it passed, else 1 to 127 without 90 to 99. */
  abstract run(): Promise<number | void>;
  /** Runs after the undo of the steps when the run did not pass. */
  rollback(): MaybePromise<void> {}
  /** Whether the cookbook brings a {@link rollback} of its own. */
  get hasRollback(): boolean {
    return this.rollback !== CookbookRunnerBase.prototype.rollback;
  }
}

/** A class cookbook (Spicerack's CookbookBase): set `title`, and return a runner. */
export abstract class CookbookBase {
  readonly spicerack: Spicerack;
  title = '-';
  ownerTeam = 'unowned';
  constructor(spicerack: Spicerack) {
    this.spicerack = spicerack;
  }
  /** Declares the arguments on the parser handed in. */
  argumentParser(_parser: Command): void {}
  abstract getRunner(args: Args): MaybePromise<CookbookRunnerBase>;
}

/** A module cookbook: what a file under cookbooks/ exports. */
export interface CookbookModule {
  title?: string;
  ownerTeam?: string;
  argumentParser?: (parser: Command) => unknown;
  lockArgs?: (args: Args) => LockArgs;
  runtimeDescription?: (args: Args) => string;
  skipStartSal?: boolean;
  hosts?: (args: Args) => string | undefined;
  lockHosts?: boolean | ((args: Args, spicerack: Spicerack) => boolean);
  run?: (args: Args, spicerack: Spicerack) => Promise<number | void>;
  rollback?: (args: Args, spicerack: Spicerack) => MaybePromise<void>;
}

/** A cookbook as both interfaces look to the engine and the CLI. */
export interface Cookbook {
  name: string;
  title: string;
  ownerTeam: string;
  argumentParser(parser: Command): void;
  getRunner(args: Args, spicerack: Spicerack): MaybePromise<CookbookRunnerBase>;
}

class ModuleRunner extends CookbookRunnerBase {
  readonly module: CookbookModule;
  readonly args: Args;
  readonly spicerack: Spicerack;
  constructor(module: CookbookModule, args: Args, spicerack: Spicerack) {
    super();
    this.module = module;
    this.args = args;
    this.spicerack = spicerack;
  }
  override get runtimeDescription() {
    return this.module.runtimeDescription?.(this.args) ?? '';
  }
  override get lockArgs() {
    return this.module.lockArgs?.(this.args) ?? super.lockArgs;
  }
  override get skipStartSal() {
    return this.module.skipStartSal ?? false;
  }
  override get hosts() {
    return this.module.hosts?.(this.args);
  }
  override get lockHosts() {
    const { lockHosts = false } = this.module;
    return typeof lockHosts === 'boolean' ? lockHosts : lockHosts(this.args, this.spicerack);
  }
  override async run() {
    return this.module.run?.(this.args, this.spicerack);
  }
  override rollback() {
    return this.module.rollback?.(this.args, this.spicerack);
  }
  override get hasRollback() {
    return this.module.rollback !== undefined;
  }
}

type CookbookClass = new (spicerack: Spicerack) => CookbookBase;

const isCookbookClass = (value: unknown): value is CookbookClass =>
  typeof value === 'function' && value.prototype instanceof CookbookBase;

/**
 * The cookbooks of one loaded module, by full name: a module with one class or a `run` function has its path as name,
 * one with several classes has `path.ClassName` each (spicerack.md 1.2).
 * @param path dotted path of the module under cookbooks/
 */
export function cookbooksOf(path: string, module: CookbookModule & Record<string, unknown>): Map<string, Cookbook> {
  const classes = Object.entries(module).flatMap(([name, value]) =>
    isCookbookClass(value) ? [[name, value] as const] : [],
  );
  if (classes.length === 0)
    return typeof module.run === 'function' ? new Map([[path, fromModule(path, module)]]) : new Map<string, Cookbook>();
  return new Map(
    classes.map(([className, cls]) => {
      const name = classes.length === 1 ? path : `${path}.${className}`;
      return [name, fromClass(name, cls)];
    }),
  );
}

const fromModule = (name: string, module: CookbookModule): Cookbook => ({
  name,
  title: module.title ?? '-',
  ownerTeam: module.ownerTeam ?? 'unowned',
  argumentParser: (parser) => void module.argumentParser?.(parser),
  getRunner: (args, spicerack) => new ModuleRunner(module, args, spicerack),
});

function fromClass(name: string, cls: CookbookClass): Cookbook {
  // A parser and a title need no accessor: only a runner reaches the world.
  const bare = new cls(undefined as unknown as Spicerack);
  return {
    name,
    title: bare.title,
    ownerTeam: bare.ownerTeam,
    argumentParser: (parser) => bare.argumentParser(parser),
    getRunner: (args, spicerack) => new cls(spicerack).getRunner(args),
  };
}
