import { OpsError, unknownOutcome } from '../../src/model/errors.ts';
import type { ExecArgs, ExecReport } from '../../src/model/exec.ts';
import { type Execution, RemoteExecutionError, passed } from '../../src/model/execution.ts';
import { pack } from '../../src/model/packed-execution.ts';
import type { Spicerack } from '../spicerack/spicerack.ts';

export const title = "Commands on hosts, as given to 'cookbook exec'";

export const hosts = ({ hosts: folded }: ExecArgs) => `D{${folded}}`;

export const runtimeDescription = ({ hosts: folded, commands }: ExecArgs) =>
  `${commands.map((command) => `'${cut(command, 60)}'`).join(', ')} on ${cut(folded, 200)}`;

const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** Ends with Cumin's status: 0 all succeeded, 1 not all but the threshold is met, 2 below it. */
export async function run(args: ExecArgs, spicerack: Spicerack): Promise<number> {
  const body = () => execute(args, spicerack);
  const execution = await spicerack.step<Execution | undefined>(
    cut(args.commands.join('; '), 80),
    args.safe ? { read: body } : { write: body, probe: nobodyKnows },
  );
  if (execution === undefined) return 0;
  spicerack.report(reportOf(args, execution));
  return passed(execution);
}

const reportOf = ({ output }: ExecArgs, execution: Execution): ExecReport => ({
  ...pack(execution),
  ...(output !== undefined && { output }),
});

async function execute(args: ExecArgs, spicerack: Spicerack): Promise<Execution> {
  const { hosts: all } = spicerack;
  const { commands, batchSize, batchSleep, timeout, globalTimeout, okCodes } = args;
  const options = {
    commands,
    isSafe: args.safe,
    // One that may run again would begin anew in the middle of what was shown.
    live: all.length === 1 && args.output === undefined && !args.safe,
    startPatience: '10s',
    successThreshold: args.successPercentage / 100,
    ...(batchSize !== undefined && { batchSize }),
    ...(batchSleep !== undefined && { batchSleep: batchSleep * 1000 }),
    ...(timeout !== undefined && { timeout: timeout * 1000 }),
    ...(globalTimeout !== undefined && { globalTimeout: globalTimeout * 1000 }),
    ...(okCodes !== undefined && { okCodes }),
    onReport: (soFar: Execution) => spicerack.report(reportOf(args, soFar)),
  };
  try {
    const results = await (args.mode === 'sync' ? all.runSync(options) : all.runAsync(options));
    return results.execution;
  } catch (error) {
    // How it went on each host is the result; what it comes to is the exit status.
    if (error instanceof RemoteExecutionError) return error.execution;
    throw error;
  }
}

/** A command can be looked up on its host by who runs it only. */
const nobodyKnows = () =>
  Promise.reject(new OpsError('unknown', unknownOutcome, 'look at the hosts whether the commands ran there'));
