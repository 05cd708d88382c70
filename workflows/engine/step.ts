import { messageOf } from '../../src/model/errors.ts';
import type { StepReport } from '../../src/model/run.ts';
import { insideAgain, locksHere } from '../spicerack/lock-scope.ts';
import { ContinueRequested, failureText, isCancelled, isUnknownOutcome } from './failure.ts';
import { underGuards } from './fences.ts';
import { frames, type Frame } from './frame.ts';
import { afterFailedStep, askWhatHappened, uncancellable } from './hold.ts';
import { currentRun } from './run-state.ts';
import type { CheckStep, ReadStep, StepSpec, WriteStep } from './step-spec.ts';

/**
 * Runs one named step of a cookbook; the name is what history, progress and undo speak of.
 * @param name a short imperative in an operator's words
 */
export function step<T>(name: string, spec: ReadStep<T> | CheckStep<T> | WriteStep<T>): Promise<T> {
  const run = currentRun();
  const unique = run.uniqueName(name);
  if ('write' in spec && typeof spec.undo === 'function') {
    const { undo, guaranteed } = spec;
    run.undo.push({
      step: unique,
      guaranteed: guaranteed ?? false,
      undo: () => undo(run.carry.results[unique]?.value as T),
      under: locksHere(),
    });
  }
  const carried = run.carry.results[unique];
  if (carried) {
    if ('write' in spec && spec.undo === 'impossible') run.undo.passPointOfNoReturn(unique);
    return Promise.resolve(carried.value as T);
  }
  const done = run.context.dryRun ? rehearse(unique, spec) : underGuards(() => execute(unique, spec));
  // One that is not waited for may fail without failing the workflow task, for ever.
  done.catch(() => undefined);
  return done;
}

const kindOf = <T>(spec: StepSpec<T>): 'read' | 'check' | 'write' =>
  'read' in spec ? 'read' : 'check' in spec ? 'check' : 'write';

const bodyOf = <T>(spec: StepSpec<T>): (() => Promise<T>) =>
  'read' in spec ? spec.read : 'check' in spec ? spec.check : spec.write;

function frameOf<T>(name: string, label: string, spec: StepSpec<T>, kind: StepReport['kind']): Frame {
  const waits =
    'check' in spec ? { within: spec.within, ...(spec.every === undefined ? {} : { every: spec.every }) } : {};
  return { id: name, label, kind, calls: 0, ...waits };
}

async function execute<T>(name: string, spec: StepSpec<T>): Promise<T> {
  const run = currentRun();
  const kind = kindOf(spec);
  for (let attempt = 1; ; attempt++) {
    const report = run.begin(name, kind);
    try {
      const id = attempt === 1 ? name : `${name} ~${attempt}`;
      const value = await frames.run(frameOf(id, name, spec, kind), bodyOf(spec));
      return finish(name, spec, report, value);
    } catch (error) {
      if (error instanceof ContinueRequested) throw error;
      const settled = 'write' in spec ? await settleUnknown(name, spec, report, error, attempt) : undefined;
      if (settled === 'again') continue;
      if (settled !== undefined) return finish(name, spec, report, settled.value as T);
      run.end(report, 'failed', failureText(error));
      if (isCancelled(error)) throw error;
      if ((await afterFailedStep(name, error)) === 'skip') {
        run.end(report, 'skipped', report.error);
        run.carry.results[name] = {};
        return undefined as T;
      }
    }
  }
}

function finish<T>(name: string, spec: StepSpec<T>, report: StepReport, value: T): T {
  const run = currentRun();
  run.carry.results[name] = value === undefined ? {} : { value };
  if ('write' in spec && spec.undo === 'impossible') run.undo.passPointOfNoReturn(name);
  run.end(report, 'done');
  return value;
}

/** How often a write is made again on the word of its probe, before a person is asked. */
const triesByProbe = 3;

/** After a write that did not return: what its probe, or a person, says. Nothing when the failure was definite. */
async function settleUnknown<T>(
  name: string,
  spec: WriteStep<T>,
  report: StepReport,
  error: unknown,
  attempt: number,
): Promise<'again' | { value?: unknown } | undefined> {
  const run = currentRun();
  const cancelled = isCancelled(error);
  if (!isUnknownOutcome(error) && !(cancelled && spec.undo === 'impossible')) return undefined;
  run.end(report, 'unknown', failureText(error));
  let saidNo = false;
  try {
    if (!spec.probe) throw error;
    const { probe } = spec;
    const id = run.uniqueName(`probe: ${name}`);
    const look = () => frames.run({ id, label: `${name}: did it take place?`, kind: 'read', calls: 0 }, probe);
    const happened = await (cancelled ? uncancellable(look) : look());
    if (happened === false) {
      if (cancelled) return undefined;
      if (attempt < triesByProbe) return 'again';
      // An effect that never takes place is not repeated for ever.
      saidNo = true;
      throw error;
    }
    if (cancelled) {
      finish(name, spec, report, undefined as T);
      throw error;
    }
    return happened === true ? {} : { value: happened.result };
  } catch (probeError) {
    if (cancelled || isCancelled(probeError)) {
      // Nobody can tell: go by what does less harm, and undo nothing before it.
      if (spec.undo === 'impossible') run.undo.passPointOfNoReturn(name);
      throw error;
    }
    if (spec.undo === 'impossible' && !saidNo) run.undo.passPointOfNoReturn(name);
    return (await askWhatHappened(name, probeError)) === 'again' ? 'again' : {};
  }
}

/** A dry run: reads are made, a check looks once, a write is only noted. */
async function rehearse<T>(name: string, spec: StepSpec<T>): Promise<T> {
  const run = currentRun();
  if ('write' in spec) {
    const report = run.begin(name, 'write');
    run.plan.push(`${name}${spec.undo === 'impossible' ? ' (no way back)' : ''}`);
    run.end(report, 'planned');
    if (spec.ifDryRun === undefined) run.unforeseen ??= name;
    run.carry.results[name] = spec.ifDryRun === undefined ? {} : { value: spec.ifDryRun };
    return spec.ifDryRun as T;
  }
  const kind = kindOf(spec);
  const report = run.begin(name, kind);
  try {
    const value = await frames.run({ ...frameOf(name, name, spec, kind), once: true }, bodyOf(spec));
    run.end(report, 'done');
    return value;
  } catch (error) {
    if (isCancelled(error)) throw error;
    run.end(report, 'planned', messageOf(error));
    if (kind === 'read') {
      if (run.unforeseen === undefined) throw error;
      run.plan.push(`${name}: cannot be foreseen after '${run.unforeseen}' (${failureText(error)})`);
    } else run.plan.push(`wait until: ${name} (not yet: ${failureText(error)})`);
    return undefined as T;
  }
}

/** Runs the undo of an earlier step now, as part of the procedure, and takes it off the stack. */
export async function settle(stepName: string): Promise<void> {
  const run = currentRun();
  const entry = run.undo.take(stepName);
  if (!entry) return;
  const undo = () => insideAgain(entry.under ?? [], entry.undo);
  // Back on the stack while it runs: a failure must find it there.
  await step(`settle: ${stepName}`, {
    write: undo,
    undo,
    ...(entry.guaranteed && { guaranteed: true }),
  });
  run.undo.take(`settle: ${stepName}`);
}
