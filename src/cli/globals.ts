import { hostname } from 'node:os';
import { OpsError } from '../model/errors.ts';
import type { OnFailure, RunContext } from '../model/run.ts';

/** Options that stand before the cookbook's name, as commander hands them over. */
export interface Globals {
  configFile?: string;
  dryRun?: boolean;
  verbose?: boolean;
  locks: boolean;
  onFailure: OnFailure;
  reason?: string;
  task?: string;
  maxHosts?: string;
  list?: boolean;
  version?: boolean;
}

/** The operator: `SUDO_USER` unless that is root, else `USER`, else `-`. */
export function operator(): string {
  const { SUDO_USER: sudoUser, USER: user } = process.env;
  return sudoUser && sudoUser !== 'root' ? sudoUser : user || '-';
}

/** Who starts a run and under which rules. @throws TASK_INVALID, REASON_INVALID, MAX_HOSTS_INVALID */
export function contextOf({ dryRun, verbose, locks, onFailure, reason, task, maxHosts }: Globals): RunContext {
  if (task !== undefined && !/^T\d{1,6}$/.test(task))
    throw new OpsError(
      'usage',
      'TASK_INVALID',
      `--task '${task}' is no task: write T and up to six digits, such as T12345`,
    );
  if (reason !== undefined && (reason === '' || reason.includes('"')))
    throw new OpsError(
      'usage',
      'REASON_INVALID',
      `--reason '${reason}': it must not be empty or contain a double quote`,
    );
  const most = maxHostsOf(maxHosts);
  return {
    user: operator(),
    host: hostname(),
    dryRun: dryRun ?? false,
    noLocks: !locks,
    verbose: verbose ?? false,
    onFailure,
    ...(reason !== undefined && { reason }),
    ...(task !== undefined && { task }),
    ...(most !== undefined && { maxHosts: most }),
  };
}

/** The number of `--max-hosts`. @throws MAX_HOSTS_INVALID */
export function maxHostsOf(text: string | undefined): number | undefined {
  if (text === undefined || /^[1-9]\d{0,8}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new OpsError('usage', 'MAX_HOSTS_INVALID', `--max-hosts '${text}': write a number of hosts, 1 or more`);
}
