import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/**
 * How an activity goes wrong: it fails, dies with its worker by kill -9, or hangs until it is cancelled, before it did
 * anything or when all of it is done; or its answer is lost, after it did it (`answer lost`) or not (`order lost`). Or it waits, before it does anything, until the test lets it.
 */
export type FaultMode =
  | 'fails before'
  | 'fails after'
  | 'dies before'
  | 'dies after'
  | 'hangs before'
  | 'hangs after'
  | 'answer lost'
  | 'order lost'
  | 'waits'
  | 'waiting';

export interface PlannedFault {
  /** Activity id: the step's name. */
  at: string;
  mode: FaultMode;
}

/** What goes wrong in a faulty worker, each fault once; a file, so that test and worker both read and write it. */
export class FaultPlan {
  readonly file: string;

  constructor(file: string) {
    this.file = file;
    if (!existsSync(file)) this.set([]);
  }

  /** Faults that have not happened so far. */
  get left(): PlannedFault[] {
    return JSON.parse(readFileSync(this.file, 'utf8')) as PlannedFault[];
  }

  set(faults: readonly PlannedFault[]): void {
    writeFileSync(`${this.file}.new`, JSON.stringify(faults));
    renameSync(`${this.file}.new`, this.file);
  }

  /** What goes wrong at an activity. */
  at(id: string): FaultMode | undefined {
    return this.left.find((fault) => fault.at === id)?.mode;
  }

  /** It happens now, and no second time. */
  happens(id: string): void {
    this.set(this.left.filter((fault) => fault.at !== id));
  }

  /** An activity has come to where it waits. */
  waits(id: string): void {
    this.set(this.left.map((fault) => (fault.at === id ? { ...fault, mode: 'waiting' } : fault)));
  }
}
