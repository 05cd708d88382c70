import { defineSignal, log, setHandler } from '@temporalio/workflow';
import { names } from '../../src/model/run.ts';
import { currentRun } from './run-state.ts';

/** Lets other runs tell this one what it would not find out by itself; call before the first await of the workflow. */
export function serveTold(): void {
  const note = (what: string) => {
    log.warn(what);
    currentRun().noteTold(what);
  };
  setHandler(defineSignal<[string]>(names.told), note, { description: 'Something the run has to know' });
}
