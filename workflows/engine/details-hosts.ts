import { formatMs } from '../../src/model/duration.ts';
import { fold } from '../../src/model/host-set.ts';
import type { FleetHost, FleetReport, HostState } from '../../src/model/run.ts';
import { clock, fitting, plain, row, table } from './markdown.ts';

/** In the order in which a person wants to see them. */
const words: Record<HostState, string> = {
  parked: '?\u00a0needs an answer',
  failed: '✗\u00a0failed',
  cancelled: '↩\u00a0cancelled',
  running: '▶\u00a0running',
  pending: '…\u00a0not started',
  skipped: '–\u00a0skipped',
  done: '✓\u00a0done',
};
const states = Object.keys(words) as HostState[];
/** Of more hosts than these, at most so many of a state have a row. */
const rowsShown = 30;
const rowsOf: Record<HostState, number> = {
  parked: 5,
  failed: 15,
  cancelled: 5,
  running: 10,
  pending: 0,
  skipped: 0,
  done: 0,
};
/** Folding a thousand names would cost a millisecond or two at each change of a host. */
const folded = 100;

/** The hosts of a fleet: how many are in which state, those in trouble and at work one by one, the others folded. */
export function renderHosts(fleet: FleetReport, run: string, bytes: number): string[] {
  const of = new Map(states.map((state) => [state, fleet.hosts.filter((host) => host.state === state)]));
  const inState = (state: HostState) => of.get(state) ?? [];
  const few = fleet.hosts.length <= rowsShown;
  const listed = states.flatMap((state) => (few ? inState(state) : inState(state).slice(0, rowsOf[state])));
  const rows = fitting(
    listed.map((host) => row(nameOf(host, run), stateOf(host))),
    bytes,
  );
  const inRows = new Set(listed.slice(0, rows.length));
  const counts = states.flatMap((state) => {
    const count = inState(state).length;
    return count === 0
      ? []
      : [`${count} ${state === 'parked' && count > 1 ? 'need an answer' : words[state].slice(2)}`];
  });
  const others = states.flatMap((state) => {
    const hosts = inState(state).filter((host) => !inRows.has(host));
    return hosts.length === 0 ? [] : [`- ${words[state]}: ${namesOf(hosts)}`];
  });
  return [
    `**${fleet.hosts.length} host${fleet.hosts.length === 1 ? '' : 's'}** by ${plain(fleet.cookbook)}, ${fleet.width} at a time: ${counts.join(', ')}`,
    ...(inState('pending').length === 0 ? [] : waits(fleet, inState('failed').length + inState('parked').length)),
    ...table(['host', 'state'], rows),
    ...(others.length === 0 ? [] : [others.join('\n')]),
  ];
}

/** Why hosts that have not started do not start. */
function waits({ paused, canaries, mayFail }: FleetReport, bad: number): string[] {
  return [
    ...(paused ? ['**Paused:** no further host starts.'] : []),
    ...(bad > mayFail ? [`**No further host starts:** ${bad} failed or need an answer, at most ${mayFail} may.`] : []),
    ...(canaries === undefined
      ? []
      : [
          canaries === 1
            ? 'The first host goes alone; the others start once it has passed.'
            : `The first ${canaries} hosts go alone; the others start once these have passed.`,
        ]),
  ];
}

// The UI replaces {namespace}.
const nameOf = ({ host, startedAt }: FleetHost, run: string): string =>
  startedAt === undefined
    ? plain(host)
    : `[${plain(host)}](namespaces/{namespace}/workflows/${encodeURIComponent(`${run}/${host}`)})`;

function stateOf({ state, startedAt, endedAt, error }: FleetHost): string {
  // What a parked host asks stands above, with its answers.
  if (state === 'parked') return words.parked;
  if (state === 'running') return `${words.running} since ${clock(startedAt ?? 0)}`;
  const took = startedAt === undefined || endedAt === undefined ? undefined : formatMs(endedAt - startedAt);
  const when = took === undefined ? '' : state === 'done' ? ` in ${took}` : ` after ${took}`;
  return `${words[state]}${when}${error === undefined ? '' : `: ${plain(error)}`}`;
}

function namesOf(hosts: readonly FleetHost[]): string {
  const names = fold(hosts.slice(0, folded).map(({ host }) => host));
  const more = hosts.length - folded;
  return `${plain(names, 200)}${more > 0 ? ` and ${more} more` : ''}`;
}
