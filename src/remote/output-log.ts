import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Outputs of runs older than this are removed. */
const keepDays = 90;
let sweptOn = 0;

const longestPart = 120;

/** One part of a path; of a longer text the beginning and a digest. */
function safe(text: string): string {
  const name = text.replace(/[^\w.@=+-]+/g, '_').replace(/^\.+/, '_') || '_';
  if (name.length <= longestPart) return name;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return `${name.slice(0, longestPart - digest.length - 1)}-${digest}`;
}

/** Where the whole outputs of a run are kept, in a directory for each step. */
export const outputsOf = (stateDir: string, run: string): string => join(stateDir, 'outputs', safe(run));

/** Where the whole output of a host in a step is kept. */
export const outputFile = (stateDir: string, run: string, step: string, host: string): string =>
  join(outputsOf(stateDir, run), safe(step), `${safe(host)}.log`);

/** The whole output of one host, command after command; a disk that is full costs the log and not the command. */
export class OutputLog {
  readonly #file: string;
  #handle: FileHandle | undefined;
  #header = '';
  #begun = false;
  #size = 0;
  #commandAt = 0;
  #failed = false;
  /** Settled once all that was handed over is written. */
  #written = Promise.resolve();

  constructor(file: string) {
    this.#file = file;
  }

  /** What follows is the output of this command. */
  begin(command: string): void {
    this.#header = `$ ${command}\n`;
    this.#commandAt = this.#size;
  }

  /** What follows is the same output once more, from its beginning. */
  async again(command: string): Promise<void> {
    await this.#written;
    if (this.#size > this.#commandAt && !this.#failed)
      try {
        this.#handle ??= await this.#open();
        await this.#handle.truncate(this.#commandAt);
        this.#size = this.#commandAt;
      } catch {
        this.#failed = true;
      }
    this.begin(command);
  }

  write(chunk: Buffer): Promise<void> {
    this.#written = this.#written.then(() => this.#write(chunk));
    return this.#written;
  }

  async close(): Promise<void> {
    // A host may be done, or be left, before its last output is on the disk.
    await this.#written;
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => undefined);
  }

  async #write(chunk: Buffer): Promise<void> {
    if (this.#failed) return;
    try {
      this.#handle ??= await this.#open();
      const header = this.#header;
      this.#header = '';
      const bytes = header === '' ? chunk : Buffer.concat([Buffer.from(header), chunk]);
      this.#size += bytes.length;
      await this.#handle.write(bytes);
    } catch {
      this.#failed = true;
    }
  }

  // A further attempt writes anew: it gets the whole output again.
  async #open(): Promise<FileHandle> {
    const directory = dirname(this.#file);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    void sweep(dirname(dirname(directory)));
    const handle = await open(this.#file, this.#begun ? 'a' : 'w', 0o600);
    this.#begun = true;
    return handle;
  }
}

async function sweep(outputs: string): Promise<void> {
  const day = Math.floor(Date.now() / 86_400_000);
  if (sweptOn === day) return;
  sweptOn = day;
  try {
    for (const run of await readdir(outputs)) {
      const directory = join(outputs, run);
      const { mtimeMs } = await stat(directory);
      if (Date.now() - mtimeMs > keepDays * 86_400_000) await rm(directory, { recursive: true, force: true });
    }
  } catch {
    // Somebody else removes them too.
  }
}
