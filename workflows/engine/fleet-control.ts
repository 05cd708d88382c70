import { defineSignal, setHandler } from '@temporalio/workflow';
import { names, type FleetHost, type FleetReport, type Parked } from '../../src/model/run.ts';
import { currentRun } from './run-state.ts';

/** What signals have asked of this run's fleet; asked before the fleet starts, it holds when it does. */
export interface FleetControl {
  paused: boolean;
  width: number | undefined;
  aborted: boolean;
  skip: string[];
}

const state = 'fleet control';

export function fleetControl(): FleetControl {
  const { carry } = currentRun();
  return (carry.state[state] ??= {
    paused: false,
    width: undefined,
    aborted: false,
    skip: [],
  } satisfies FleetControl) as FleetControl;
}

/** Lets operators steer the fleet at any time; call before the first await of the workflow. */
export function serveFleet(): void {
  const change = (apply: (control: FleetControl) => void) => {
    apply(fleetControl());
    applyTo(currentRun().fleet);
    currentRun().publish();
  };
  setHandler(defineSignal(names.pause), () => change((control) => (control.paused = true)), {
    description: 'Start no further host',
  });
  setHandler(defineSignal(names.resume), () => change((control) => (control.paused = false)), {
    description: 'Go on starting hosts',
  });
  setHandler(defineSignal(names.abort), () => change((control) => (control.aborted = true)), {
    description: 'Start no further host and cancel those under way, which roll back',
  });
  setHandler(
    defineSignal<[number]>(names.width),
    (width) => change((control) => (control.width = Math.max(1, Math.trunc(width)))),
    { description: 'Hosts at a time' },
  );
  setHandler(defineSignal<[string]>(names.skip), (host) => change((control) => control.skip.push(host)), {
    description: 'Leave out a host that has not started',
  });
  setHandler(defineSignal<[Parked]>(names.parked), ({ run, message, choices }) => {
    const host = underWay(run);
    if (!host) return;
    Object.assign(host, { state: 'parked', error: message, ...(choices && { choices }) });
    currentRun().publish();
  });
  setHandler(defineSignal<[Parked]>(names.unparked), ({ run }) => {
    const host = underWay(run);
    if (!host) return;
    host.state = 'running';
    delete host.error;
    delete host.choices;
    currentRun().publish();
  });
}

const underWay = (run: string) =>
  currentRun().fleet?.hosts.find(
    ({ host, state }) => run.endsWith(`/${host}`) && (state === 'running' || state === 'parked'),
  );

/** Brings a fleet in line with what was asked. */
export function applyTo(fleet: FleetReport | undefined): void {
  if (!fleet) return;
  const control = fleetControl();
  fleet.paused = control.paused;
  if (control.width !== undefined) fleet.width = control.width;
  for (const name of control.skip) {
    const host = fleet.hosts.find((one: FleetHost) => one.host === name && one.state === 'pending');
    if (host) host.state = 'skipped';
  }
}
