import { OpsError } from '../../model/errors.ts';
import { names, type FleetReport } from '../../model/run.ts';
import { connect } from '../client.ts';
import { describeOpenRun } from '../describe.ts';
import type { Globals } from '../globals.ts';
import { statusOf } from '../served.ts';

const actions = ['pause', 'resume', 'width', 'skip', 'abort'] as const;
type Action = (typeof actions)[number];

/** `cookbook fleet RUN pause|resume|width N|skip HOST|abort`: steers a fleet run. */
export async function fleet(globals: Globals, run: string, action: string, value: string | undefined): Promise<number> {
  const args = readAction(action, value);
  const temporal = await connect(globals);
  await describeOpenRun(temporal, run);
  const report = (await statusOf(temporal, run)).fleet;
  if (!report) throw refused(`${run} is no fleet run, or has not come to its fleet yet`);
  if (action === 'skip') assertPending(report, String(args[0]));
  await temporal.client.workflow.getHandle(run).signal(names[action as Action], ...args);
  process.stdout.write(`${run}: ${[action, ...args].join(' ')}\n`);
  return 0;
}

const refused = (message: string) => new OpsError('usage', 'FLEET_REFUSED', message);

function readAction(action: string, value: string | undefined): (string | number)[] {
  switch (action as Action) {
    case 'width':
      if (!/^[1-9]\d*$/.test(value ?? ''))
        throw refused(`width '${value ?? ''}': say how many hosts at a time, from 1`);
      return [Number(value)];
    case 'skip':
      if (!value) throw refused('skip: say which host to leave out');
      return [value];
    case 'pause':
    case 'resume':
    case 'abort':
      if (value !== undefined) throw refused(`${action} takes no '${value}'`);
      return [];
    default:
      throw refused(`unknown action '${action}': ${actions.join(', ')}`);
  }
}

function assertPending({ hosts }: FleetReport, name: string): void {
  const host = hosts.find((one) => one.host === name);
  if (!host) throw refused(`no host '${name}' in this fleet run`);
  if (host.state !== 'pending')
    throw refused(`${name} is ${host.state}: only a host that has not started can be left out`);
}
