import type { FleetHost, HostState, RunStatusReport } from '../../../src/model/run.ts';

const cycle: HostState[] = [
  'done',
  'failed',
  'parked',
  'cancelled',
  'running',
  'pending',
  'skipped',
  'done',
  'done',
  'pending',
];
/** Long, of three bytes a character, and full of markup. */
export const nasty = '│ *über* `x` <b>|{1}| 部署失敗 [a](b) --force '.repeat(20);
const startedAt = Date.UTC(2026, 10, 22, 3, 12, 5);

const host = (i: number): FleetHost => {
  const state = cycle[i % cycle.length] ?? 'pending';
  return {
    host: `cloudvirt-with-a-long-name-${1000 + i}.eqiad.wmnet`,
    state,
    ...(state !== 'pending' && state !== 'skipped' && { startedAt }),
    ...(['failed', 'cancelled', 'parked'].includes(state) && { error: nasty }),
    ...(['failed', 'cancelled', 'done'].includes(state) && { endedAt: startedAt + 754_000 }),
    ...(state === 'parked' && { choices: ['retry', 'skip', 'roll back', 'leave'] }),
  };
};

/** The status of a run over 1,000 hosts in which everything that can be long is long. */
export const largeFleet: RunStatusReport = {
  cookbook: 'wmcs.openstack.cloudvirt.reimage-fleet',
  phase: 'running',
  dryRun: false,
  description: nasty,
  hosts: [],
  steps: Array.from({ length: 200 }, (_, i) => ({
    name: `step ${i} ${nasty}`,
    kind: 'write' as const,
    state: i % 2 ? ('failed' as const) : ('undo failed' as const),
    startedAt,
    endedAt: startedAt + 1000,
    error: nasty,
  })),
  stepsOmitted: 800,
  prompts: Array.from({ length: 12 }, (_, i) => ({ id: String(i + 1), message: nasty, since: startedAt })),
  locks: Array.from({ length: 50 }, () => nasty),
  undo: Array.from({ length: 200 }, () => nasty),
  fleet: {
    cookbook: 'world.one-host',
    width: 10,
    paused: false,
    mayFail: 20,
    hosts: Array.from({ length: 1000 }, (_, i) => host(i)),
  },
};
