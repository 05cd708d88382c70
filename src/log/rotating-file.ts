import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../model/errors.ts';

/** When a log file is put aside, and how many are kept. */
export interface Rotation {
  maxBytes: number;
  backups: number;
}

/** As the original (spicerack.md 1.12). */
export const defaultRotation: Rotation = { maxBytes: 10 * 1024 * 1024, backups: 500 };

const lookEveryMs = 1000;
const staleMs = 60_000;

/**
 * A log file that is put aside as `NAME.1`, `NAME.2`, ... when it is full. Each line is in the kernel when `write`
 * returns, so that a killed worker loses none; several workers may share a file. Only the first opening throws: a disk
 * that fills later costs lines, and a word on stderr, never a run.
 */
export class RotatingFile {
  readonly #path: string;
  readonly #rotation: Rotation;
  #fd: number;
  #size = 0;
  #lookedAt = 0;
  #complainedAt = 0;
  #closed = false;

  constructor(path: string, rotation: Rotation = defaultRotation) {
    this.#path = path;
    this.#rotation = rotation;
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    this.#fd = this.#open();
  }

  write(text: string): void {
    if (this.#closed) return;
    const bytes = Buffer.from(text);
    try {
      this.#follow();
      if (this.#size > 0 && this.#size + bytes.length > this.#rotation.maxBytes) this.#rotate();
      for (let done = 0; done < bytes.length;) done += writeSync(this.#fd, bytes, done);
      this.#size += bytes.length;
    } catch (error) {
      this.#complain(error);
    }
  }

  flush(): void {
    try {
      fsyncSync(this.#fd);
    } catch (error) {
      this.#complain(error);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }

  #open(): number {
    const fd = openSync(this.#path, 'a', 0o644);
    this.#size = fstatSync(fd).size;
    this.#lookedAt = Date.now();
    return fd;
  }

  #reopen(): void {
    const fd = this.#open();
    closeSync(this.#fd);
    this.#fd = fd;
  }

  /** Another worker, or logrotate, may have put the file aside, or written to it. */
  #follow(): void {
    if (Date.now() - this.#lookedAt < lookEveryMs) return;
    this.#lookedAt = Date.now();
    if (this.#isCurrent()) this.#size = fstatSync(this.#fd).size;
    else this.#reopen();
  }

  #isCurrent(): boolean {
    return statSync(this.#path, { throwIfNoEntry: false })?.ino === fstatSync(this.#fd).ino;
  }

  #rotate(): void {
    const guard = `${this.#path}.rotating`;
    if (!claim(guard)) return;
    try {
      if (this.#isCurrent()) {
        const aside = (number: number) => `${this.#path}.${number}`;
        for (let number = this.#rotation.backups - 1; number > 0; number--)
          if (existsSync(aside(number))) renameSync(aside(number), aside(number + 1));
        renameSync(this.#path, aside(1));
      }
      this.#reopen();
    } finally {
      rmdirSync(guard);
    }
  }

  #complain(error: unknown): void {
    if (Date.now() - this.#complainedAt < staleMs) return;
    this.#complainedAt = Date.now();
    process.stderr.write(`log file ${this.#path}: ${messageOf(error)}: lines are lost until it can be written again\n`);
  }
}

/** Makes this process the only one that rotates; the guard of one that died in it is cleared away. */
function claim(guard: string): boolean {
  try {
    mkdirSync(guard);
    return true;
  } catch {
    const since = statSync(guard, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - since > staleMs) rmdirSync(guard);
    return false;
  }
}
